#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agents/validator/validator.h"
#include "base/async.h"
#include "base/clock.h"
#include "base/result.h"
#include "harness/engine/plan.h"
#include "harness/store/journal.h"
#include "sandbox/sandbox.h"

namespace podium::harness {

// What a trial's container can talk to: MLE-bench's validator at localhost:5000. Lives while the
// scaffold runs.
class TrialServices {
 public:
  TrialServices(Reactor& reactor, Journal& journal, agents::Validator::CheckShape check,
                std::filesystem::path trial_dir);

  // Opens the ports. A backend that hands none out is an event "service" with its reason, not an
  // error.
  [[nodiscard]] Task<Status> Open(sandbox::Sandbox& box, Deadline deadline);

  // Serves until cancelled.
  [[nodiscard]] Task<void> Serve();

  [[nodiscard]] const agents::ValidationCounts& validations() const { return validator_.counts(); }

 private:
  Journal& journal_;
  std::filesystem::path trial_dir_;
  agents::Validator validator_;
  UniqueFd validator_listener_;
};

// What lies in /home of every trial: instructions.txt and validate_submission.sh.
[[nodiscard]] std::vector<sandbox::HomeFile> HomeFiles(const TrialPlan& plan);

// instructions.txt: what every agent is told of its surroundings, whatever the task.
[[nodiscard]] std::string AgentInstructions(const TrialPlan& plan);

// How often the validator was asked in earlier attempts of a trial.
[[nodiscard]] agents::ValidationCounts ValidationsIn(const std::vector<JournalEvent>& events);

}  // namespace podium::harness
