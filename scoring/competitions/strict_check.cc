#include "scoring/competitions/strict_check.h"

namespace podium::scoring {

Graded<void> CheckStrictly(const CompetitionSpec& spec, Tables& tables) {
  bool alone = spec.rules.id_columns.size() == 1 && tables.submission.Has(tables.id) &&
               tables.answers.Has(tables.id);
  auto done =
      CheckStrictTable(spec.rules, {&tables.submission, &tables.answers, tables.submission_text,
                                    tables.answers_text, alone ? MatchedRows(tables) : nullptr});
  if (!done && done.error().of_answers) return TaskFault(done.error().code, done.error().detail);
  if (!done) return Refused(done.error().code, done.error().detail);
  return {};
}

}  // namespace podium::scoring
