#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agents/recorded_run.h"
#include "agents/trial_context.h"

namespace podium::agents {

// How long a search may go on, and in which order its nodes end: by the clock, or by the record of
// one that is done again.
class StepTimes {
 public:
  // `outage`: how long providers have not served so far; the trial's end moves by it.
  StepTimes(const TrialContext& context, std::function<Millis()> outage)
      : context_(context), outage_(std::move(outage)) {}

  // So much of the end is kept for a last step; Join begins that.
  void Reserve(Millis time) { reserve_ = time; }
  void Join() { joining_ = true; }

  // What ends the search once `nodes` have ended, if anything does by now.
  [[nodiscard]] std::optional<std::string> Ended(int nodes) const;
  // Whether step `step` is to wait for nodes that had ended before it began, or its node for nodes
  // that had ended before it.
  [[nodiscard]] bool BeginsLater(int step, int nodes) const;
  [[nodiscard]] bool EndsLater(int step, int nodes) const;
  // What is left of the trial's time.
  [[nodiscard]] Millis Left(int step) const;
  // The time that step `step` has for its proposal.
  [[nodiscard]] Deadline Until(int step) const;
  // The time that its program has.
  [[nodiscard]] Deadline RunUntil(int step) const;
  // How long its program ran, which took `measured` here and now.
  [[nodiscard]] Millis Ran(int step, Millis measured) const;

 private:
  [[nodiscard]] const RecordedRun::Step* Recorded(int step) const;
  const TrialContext& context_;
  [[nodiscard]] Millis Kept() const { return joining_ ? Millis(0) : reserve_; }
  std::function<Millis()> outage_;
  Millis reserve_{0};
  bool joining_ = false;
};

}  // namespace podium::agents
