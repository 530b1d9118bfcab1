#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/models/catalogue.h"
#include "agents/models/chat_client.h"
#include "agents/models/injected_faults.h"
#include "agents/models/ledger.h"
#include "base/clock.h"
#include "base/result.h"
#include "harness/plan/settings.h"

namespace podium::harness {

// What an agent may ask of models: a program through the gateway of its trial, a native scaffold by
// itself, both on the same way (agents::TrialModels).
struct GatewayPlan {
  std::vector<agents::Model> models;    // of a program; empty: there is no gateway
  std::optional<agents::Model> native;  // of a native scaffold, where the catalogue knows it
  std::vector<agents::Model> roles;     // likewise, of its parts that ask another model
  agents::Budget budget;
  std::vector<agents::VendorHost> vendor_hosts;  // in whose place it answers; empty: none
  bool replay = false;
  agents::FaultPlan faults;  // made on purpose
  Millis request_timeout{0};
  Millis idle_timeout{0};
};

// Reads `gateway.*` and the budgets. Errors name the setting's origin, the model that is not in the
// catalogue, or the key that is not in the environment.
[[nodiscard]] Result<GatewayPlan> PlanGateway(const Settings& settings);

// The environment's server for models that no catalogue describes.
struct OwnServer {
  std::string base_url;  // empty: none is named
  std::string api_key;
};

[[nodiscard]] Result<OwnServer> ServerOfEnvironment();

// The file of `gateway.catalogue`, or Podium's own. Blocks.
[[nodiscard]] Result<agents::ModelCatalogue> ReadCatalogue(const Settings& settings);

// The model that a native scaffold asks, with the budgets. It is the catalogue's where that
// describes it, unless the environment names another server and the settings name no catalogue;
// else the own server's, at a price that nobody knows. Fills `model` but for how requests are
// written and waited for. `setting` names it: "model", or that of a role.
[[nodiscard]] Result<GatewayPlan> PlanNativeModel(const Settings& settings, const OwnServer& server,
                                                  const std::string& agent,
                                                  agents::ModelConfig& model,
                                                  std::string_view setting = "model");

}  // namespace podium::harness
