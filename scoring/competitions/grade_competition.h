#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "scoring/competitions/spec.h"

namespace podium::scoring {

// What grading one file against one competition's answers gives.
struct CompetitionOutcome {
  enum class Verdict { kScored, kInvalid, kGraderError };
  Verdict verdict = Verdict::kGraderError;
  // For kInvalid in compat: MLE-bench's grader raised something else than InvalidSubmissionError,
  // or the file could not be read.
  bool raised = false;
  std::string reason;        // stable code; empty where scored
  std::string detail;        // safe to print
  double raw_score = 0;      // kScored; in compat it may be NaN or infinite
  double rounded_score = 0;  // five decimals, as MLE-bench rounds
  std::string rounded_text;  // the same as Python prints it
};
std::string_view VerdictText(CompetitionOutcome::Verdict verdict);  // scored, invalid, grader_error

// Grades the bytes of a submission. Opens no file: the specification, the answers and the
// submission are all given. A function of its arguments alone. `release` as in ReadCsvOptions.
[[nodiscard]] CompetitionOutcome GradeCompetition(
    const CompetitionSpec& spec, Mode mode, std::string_view submission, std::string_view answers,
    const std::function<void(std::string_view)>& release = {});

}  // namespace podium::scoring
