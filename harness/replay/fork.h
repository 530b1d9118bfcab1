#pragma once

#include <map>
#include <string>

#include "harness/plan/plan.h"
#include "harness/store/find_trial.h"

namespace podium::harness {

struct ForkOptions {
  int at_step = 0;                          // how many of the trial's nodes stay
  std::string name;                         // of the new run
  std::map<std::string, std::string> sets;  // settings of the agent, with their new values
};

// A run of one trial that goes on from a node of another, with other settings where they are given:
// its folder is begun, ExecuteRun works on it. The parent's record is checked first. An error names
// what cannot be: a step that the parent has not, an agent whose steps are its own.
[[nodiscard]] Result<RunPlan> MakeFork(const FoundTrial& parent, const ForkOptions& options);

}  // namespace podium::harness
