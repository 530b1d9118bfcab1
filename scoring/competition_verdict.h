#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "scoring/boards/mle_bench_catalogue.h"
#include "scoring/competitions/spec.h"
#include "scoring/grade.h"

namespace podium::scoring {

inline constexpr std::string_view kCompetitionRequest = "podium-competition-request/1";

// What lay where the submission was looked for.
struct SubmissionState {
  std::string status = "ok";  // ok, missing, invalid
  std::string reason;         // of "invalid": not_regular, ...
};

// The request that podium-grade reads to grade a file of one of mle-bench's competitions: the
// specification itself travels in it, so that the sealed process opens no file. `known`: the lines
// that count where no board is given, and the number of rows that a whole board has.
[[nodiscard]] std::string CompetitionRequestJson(const CompetitionSpec& spec, Mode mode,
                                                 const SubmissionState& submission,
                                                 const std::optional<MleBenchCompetition>& known);

// Grades by such a request; `board_csv` may be empty. The record is "podium-verdict/1" with these
// members besides: mode, metric, raised (compat: the original fails with an exception of its own),
// medals (the four flags), lines_from ("board" or where the lines are from),
// board_note (where all its lines are the same; strict refuses it). In compat the board's
// order and direction are mle-bench's, in strict the direction is the task's and the board is
// sorted. A number that is not finite is the text "nan", "inf" or "-inf".
[[nodiscard]] Result<std::string> GradeCompetitionToJson(const GradeInput& input);

}  // namespace podium::scoring
