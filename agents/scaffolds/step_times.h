#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agents/recorded_run.h"
#include "agents/trial_context.h"

namespace podium::agents {

// How long a search may go on: by the clock, or by the record of one that is done again.
class StepTimes {
 public:
  // `outage`: how long providers have not served so far; the trial's end moves by it.
  StepTimes(const TrialContext& context, std::function<Millis()> outage)
      : context_(context), outage_(std::move(outage)) {}

  // What ends the search before step `step`, if anything does by now.
  [[nodiscard]] std::optional<std::string> Ended(std::size_t step) const;
  // The time that step `step` has for its proposal.
  [[nodiscard]] Deadline Until(std::size_t step) const;
  // The time that its program has.
  [[nodiscard]] Deadline RunUntil(std::size_t step) const;
  // How long its program ran, which took `measured` here and now.
  [[nodiscard]] Millis Ran(std::size_t step, Millis measured) const;

 private:
  [[nodiscard]] const RecordedRun::Step* Recorded(std::size_t step) const;
  const TrialContext& context_;
  std::function<Millis()> outage_;
};

}  // namespace podium::agents
