#include "agents/scaffolds/step_times.h"

#include "base/deadlines.h"

namespace podium::agents {

const RecordedRun::Step* StepTimes::Recorded(std::size_t step) const {
  const auto& recorded = context_.recorded;
  return recorded && step < recorded->steps.size() ? &recorded->steps[step] : nullptr;
}

std::optional<std::string> StepTimes::Ended(std::size_t step) const {
  if (const auto& recorded = context_.recorded) {
    bool all = step >= recorded->steps.size() && !recorded->end.empty();
    return all ? std::optional(recorded->end) : std::nullopt;
  }
  return Until(step).expired() ? std::optional<std::string>("time_limit") : std::nullopt;
}

Deadline StepTimes::Until(std::size_t step) const {
  if (const auto* recorded = Recorded(step)) return Deadline::In(recorded->left);
  return Deadline(context_.deadline.at() + outage_());
}

// A program that ended by itself may take longer on this machine; one that was cut is cut there.
Deadline StepTimes::RunUntil(std::size_t step) const {
  const auto* recorded = Recorded(step);
  if (!recorded) return Deadline::In(context_.exec_limit).Earlier(Until(step));
  return Deadline::In(recorded->cut ? recorded->ran : kSlowerMachine * context_.exec_limit);
}

Millis StepTimes::Ran(std::size_t step, Millis measured) const {
  const auto* recorded = Recorded(step);
  return recorded ? recorded->ran : measured;
}

}  // namespace podium::agents
