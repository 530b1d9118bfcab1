#include "scoring/competitions/grade_competition.h"

#include <cmath>
#include <utility>

#include "scoring/competitions/custom.h"
#include "scoring/competitions/ids.h"
#include "scoring/competitions/nq_answers.h"
#include "scoring/competitions/rounding.h"
#include "scoring/competitions/rules.h"
#include "scoring/competitions/strict_check.h"
#include "scoring/frame/read_csv.h"

namespace podium::scoring {
namespace {

using Outcome = CompetitionOutcome;

Graded<Frame> ReadAnswers(const CompetitionSpec& spec, std::string_view bytes,
                          const ReadCsvOptions& options) {
  if (spec.answers_format == "nq-jsonl") return ReadNqAnswers(bytes);
  auto frame = ReadPandasCsv(bytes, options);
  if (!frame) return TaskFault("bad_answers", "the answers: " + frame.error().detail);
  return std::move(*frame);
}

Graded<Tables> ReadTables(const CompetitionSpec& spec, Mode mode, std::string_view submission,
                          std::string_view answers) {
  ReadCsvOptions options = mode == Mode::kStrict ? StrictOptions(spec) : ReadCsvOptions();
  Tables tables;
  if (!spec.id_columns.empty()) tables.id = spec.id_columns[0];
  tables.targets = spec.mode(mode).targets;
  auto frame = ReadPandasCsv(submission, options);
  if (!frame && mode == Mode::kCompat) return Raised(frame.error().code, frame.error().detail);
  if (!frame) return Refused(frame.error().code, frame.error().detail);
  tables.submission = std::move(*frame);
  GRADED_ASSIGN(tables.answers, ReadAnswers(spec, answers, options));
  return tables;
}

// The rows that are graded against each other; empty lists: as they lie.
Graded<RowPairs> Align(const ModeSpec& mode, const Tables& tables) {
  if (mode.align == "none") return RowPairs();
  const Column* mine = tables.submission.Find(tables.id);
  const Column* theirs = tables.answers.Find(tables.id);
  if (theirs == nullptr) return TaskFault("bad_answers", "the answers have no id column");
  if (mine == nullptr) return Raised("missing_column", "there is no column '" + tables.id + "'");
  if (mode.align == "merge") return MergeRows(*mine, *theirs);
  if (SameRowByRow(*mine, *theirs)) return RowPairs();
  RowPairs pairs{RowsById(*mine), RowsById(*theirs)};
  if (mode.align != "cover") return pairs;
  RowPairs merged = MergeRows(mine->Take(pairs.submission), theirs->Take(pairs.answers));
  for (std::size_t& row : merged.submission) row = pairs.submission[row];
  return RowPairs{std::move(merged.submission), std::move(pairs.answers)};
}

Graded<double> Measure(const ModeSpec& mode, Tables& tables, const RowPairs& pairs) {
  auto metric = FindMetric(mode.metric);
  if (!metric) return TaskFault("no_metric", metric.error().message);
  if (pairs.submission.empty() && pairs.answers.empty())
    return (*metric)->score({tables.submission, tables.answers, mode.targets, mode.params});
  Frame submission = tables.submission.Take(pairs.submission);
  Frame answers = tables.answers.Take(pairs.answers);
  return (*metric)->score(
      {submission, answers, mode.targets, mode.params, pairs.submission, pairs.answers});
}

// Strict mode knows no exceptions of the original and no score that is not finite.
Graded<double> RunCustom(CustomGrader grader, const ModeSpec& how, Mode mode,
                         const Tables& tables) {
  bool strict = mode == Mode::kStrict;
  auto score = grader({tables.submission, tables.answers, how.params, strict});
  if (!strict) return score;
  if (!score && score.error().kind == Fault::Kind::kRaised)
    return Refused(score.error().code, score.error().detail);
  if (score && !std::isfinite(*score))
    return Refused("score_not_finite", "the metric gives no finite number for this submission");
  return score;
}

Graded<double> Grade(const CompetitionSpec& spec, Mode mode, std::string_view submission,
                     std::string_view answers) {
  const ModeSpec& how = spec.mode(mode);
  GRADED_ASSIGN(Tables tables, ReadTables(spec, mode, submission, answers));
  if (mode == Mode::kStrict) GRADED_TRY(CheckStrictly(spec, tables));
  if (CustomGrader custom = FindCustomGrader(how.metric))
    return RunCustom(custom, how, mode, tables);
  GRADED_TRY(ApplyRules(how.rules, tables));
  RowPairs pairs;
  if (mode == Mode::kCompat) {
    GRADED_ASSIGN(pairs, Align(how, tables));
  }
  GRADED_ASSIGN(double score, Measure(how, tables, pairs));
  if (mode == Mode::kStrict && !std::isfinite(score))
    return Refused("score_not_finite", "the metric gives no finite number for this submission");
  return score;
}

Outcome OutcomeOf(Fault fault) {
  Outcome outcome;
  bool task = fault.kind == Fault::Kind::kTask;
  outcome.verdict = task ? Outcome::Verdict::kGraderError : Outcome::Verdict::kInvalid;
  outcome.raised = fault.kind == Fault::Kind::kRaised;
  outcome.reason = std::move(fault.code);
  outcome.detail = std::move(fault.detail);
  return outcome;
}

}  // namespace

std::string_view VerdictText(Outcome::Verdict verdict) {
  static constexpr std::string_view kTexts[] = {"scored", "invalid", "grader_error"};
  return kTexts[static_cast<std::size_t>(verdict)];
}

CompetitionOutcome GradeCompetition(const CompetitionSpec& spec, Mode mode,
                                    std::string_view submission, std::string_view answers) {
  auto score = Grade(spec, mode, submission, answers);
  if (!score) return OutcomeOf(std::move(score).error());
  RoundedScore rounded = RoundAs(*score, spec.score_type);
  Outcome outcome;
  outcome.verdict = Outcome::Verdict::kScored;
  outcome.raw_score = *score;
  outcome.rounded_score = rounded.value;
  outcome.rounded_text = std::move(rounded.text);
  return outcome;
}

}  // namespace podium::scoring
