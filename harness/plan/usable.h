#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "harness/plan/plan.h"

namespace podium::harness {

// Refuses settings that nobody would look at: one that an agent's own file or entry gives and its
// scaffold does not have, and one that the run's file or a flag gives and no agent of the run has.
// The error (kConfig) says what the scaffold has. What stands in the environment is for other runs
// too.
[[nodiscard]] Status CheckUsed(const std::vector<std::unique_ptr<AgentPlan>>& agents);

}  // namespace podium::harness
