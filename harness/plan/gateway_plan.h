#pragma once

#include <vector>

#include "agents/models/ledger.h"
#include "agents/models/catalogue.h"
#include "base/clock.h"
#include "base/result.h"
#include "harness/plan/settings.h"

namespace podium::harness {

// What a program may ask of models, through the gateway of its trial.
struct GatewayPlan {
  std::vector<agents::Model> models;  // empty: there is no gateway
  agents::Budget budget;
  bool replay = false;
  Millis request_timeout{0};
  Millis idle_timeout{0};
};

// Reads `gateway.*` and the budgets. Errors name the setting's origin, the model that is not in the
// catalogue, or the key that is not in the environment.
[[nodiscard]] Result<GatewayPlan> PlanGateway(const Settings& settings);

// Budgets of the gateway that somebody has set, for agents that would not keep to them.
[[nodiscard]] Status NoModelBudget(const Settings& settings, const std::string& agent);

}  // namespace podium::harness
