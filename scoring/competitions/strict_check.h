#pragma once

#include "scoring/competitions/rules.h"
#include "scoring/competitions/spec.h"
#include "scoring/frame/read_csv.h"

namespace podium::scoring {

// How strict mode reads both tables: only an empty cell is missing, text stays as it is written,
// ragged rows and repeated columns are faults.
[[nodiscard]] ReadCsvOptions StrictOptions(const CompetitionSpec& spec);

// What strict mode asks of every submission: the columns, of their types and ranges; every id of
// the answers once and (unless the competition covers) no other, in any order. On success the
// submission's rows are those of the answers, in their order.
[[nodiscard]] Graded<void> CheckStrictly(const CompetitionSpec& spec, Tables& tables);

}  // namespace podium::scoring
