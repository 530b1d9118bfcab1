#pragma once

#include <string_view>

#include "base/records/grade_record.h"
#include "base/result.h"

namespace podium::records {

// How a trial ended, for good. A trial without one is still to be worked on.
enum class Outcome {
  kScored,                   // "scored": its submission has a score
  kAgentFailed,              // "agent_failed": the agent left nothing that can be scored
  kTaskFailed,               // "task_failed": the task or its grader is at fault
  kInfrastructureExhausted,  // "infrastructure_exhausted": the host failed as often as it may
};

[[nodiscard]] std::string_view OutcomeText(Outcome outcome);
// An error (kUsage) lists the four.
[[nodiscard]] Result<Outcome> ParseOutcome(std::string_view text);

// Of a trial that was graded: a function of GradeRecord::verdict alone.
[[nodiscard]] Outcome OutcomeOf(const GradeRecord& grade);

}  // namespace podium::records
