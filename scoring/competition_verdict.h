#pragma once

#include <optional>
#include <string>

#include "base/records/grade_record.h"
#include "base/records/grade_request.h"
#include "base/result.h"
#include "scoring/boards/mle_bench_catalogue.h"
#include "scoring/competitions/spec.h"
#include "scoring/grade.h"

namespace podium::scoring {

// The request by which podium-grade grades a file of one of mle-bench's competitions: the
// specification itself travels in it, so that the sealed process opens no file. `known`: the lines
// that count where no board is given, and the number of rows that a whole board has.
[[nodiscard]] records::GradeRequest CompetitionRequest(
    const CompetitionSpec& spec, Mode mode, records::HandOver hand_over,
    const std::optional<MleBenchCompetition>& known);

// Grades by such a request; `board_csv` may be empty. In compat `raised` says that the original
// fails with an exception of its own, and the board's order and direction are mle-bench's; in
// strict the direction is the task's and the board is sorted. `lines_from`: "board" or where the
// lines are from; `board_note`: all its lines are the same, which strict refuses.
[[nodiscard]] Result<records::GradeRecord> GradeCompetition(
    const records::CompetitionGrading& grading, const records::HandOver& hand_over,
    const GradeInput& input);

}  // namespace podium::scoring
