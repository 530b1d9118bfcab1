#include "agents/scaffolds/step_times.h"

#include "base/deadlines.h"

namespace podium::agents {

const RecordedRun::Step* StepTimes::Recorded(int step) const {
  const auto& recorded = context_.recorded;
  auto at = static_cast<std::size_t>(step);
  return recorded && at < recorded->steps.size() ? &recorded->steps[at] : nullptr;
}

std::optional<std::string> StepTimes::Ended(int nodes) const {
  if (const auto& recorded = context_.recorded) {
    bool all = nodes >= (joining_ ? recorded->nodes : recorded->searched) && !recorded->end.empty();
    return all ? std::optional(recorded->end) : std::nullopt;
  }
  return Until(0).expired() ? std::optional<std::string>("time_limit") : std::nullopt;
}

bool StepTimes::BeginsLater(int step, int nodes) const {
  const auto* recorded = Recorded(step);
  return recorded && nodes < recorded->seen;
}

bool StepTimes::EndsLater(int step, int nodes) const {
  const auto* recorded = Recorded(step);
  return recorded && nodes < recorded->id;
}

Millis StepTimes::Left(int step) const {
  const auto* recorded = Recorded(step);
  return recorded ? recorded->left : Until(step).remaining();
}

Deadline StepTimes::Until(int step) const {
  if (const auto* recorded = Recorded(step)) return Deadline::In(recorded->left - Kept());
  return Deadline(context_.deadline.at() + outage_() - Kept());
}

// A program that ended by itself may take longer on this machine; one that was cut is cut there.
Deadline StepTimes::RunUntil(int step) const {
  const auto* recorded = Recorded(step);
  if (!recorded) return Deadline::In(context_.exec_limit).Earlier(Until(step));
  return Deadline::In(recorded->cut ? recorded->ran : kSlowerMachine * context_.exec_limit);
}

Millis StepTimes::Ran(int step, Millis measured) const {
  const auto* recorded = Recorded(step);
  return recorded ? recorded->ran : measured;
}

}  // namespace podium::agents
