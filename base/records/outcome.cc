#include "base/records/outcome.h"

#include <array>

namespace podium::records {
namespace {

// In the order of the enumeration.
constexpr std::array<std::string_view, 4> kTexts = {"scored", "agent_failed", "task_failed",
                                                    "infrastructure_exhausted"};

}  // namespace

std::string_view OutcomeText(Outcome outcome) {
  return kTexts.at(static_cast<std::size_t>(outcome));
}

Result<Outcome> ParseOutcome(std::string_view text) {
  for (std::size_t i = 0; i < kTexts.size(); ++i) {
    if (kTexts.at(i) == text) return static_cast<Outcome>(i);
  }
  return Fail(ErrorCode::kUsage,
              "an outcome is scored, agent_failed, task_failed or infrastructure_exhausted, not '" +
                  std::string(text) + "'");
}

Outcome OutcomeOf(const GradeRecord& grade) {
  if (grade.verdict == "scored") return Outcome::kScored;
  return grade.verdict == "grader_error" ? Outcome::kTaskFailed : Outcome::kAgentFailed;
}

}  // namespace podium::records
