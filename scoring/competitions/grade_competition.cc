#include "scoring/competitions/grade_competition.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "scoring/competitions/custom.h"
#include "scoring/competitions/ids.h"
#include "scoring/competitions/nq_answers.h"
#include "scoring/competitions/rounding.h"
#include "scoring/competitions/rules.h"
#include "scoring/competitions/strict_check.h"
#include "tables/beside.h"
#include "tables/frame/read_csv.h"
#include "tables/frame/unpack.h"
#include "tables/take_rows.h"

namespace podium::scoring {
namespace {

using Outcome = CompetitionOutcome;

// `unpacked` keeps what was compressed as long as the frame; `text` is the table's, where it is
// one.
Graded<Frame> ReadAnswers(const CompetitionSpec& spec, std::string_view bytes,
                          const ReadCsvOptions& options, std::string& unpacked,
                          std::string_view& text) {
  if (IsPacked(bytes)) {
    auto whole = Unpack(bytes);
    if (!whole) return TaskFault("bad_answers", "the answers: " + whole.error().detail);
    unpacked = std::move(*whole);
    bytes = unpacked;
  }
  if (spec.answers_format == "nq-jsonl") return ReadNqAnswers(bytes);
  text = bytes;
  auto frame = ReadPandasCsv(bytes, options);
  if (!frame) return TaskFault("bad_answers", "the answers: " + frame.error().detail);
  return std::move(*frame);
}

using Release = std::function<void(std::string_view)>;

// What compressed files became; tables are views into it.
struct UnpackedFiles {
  std::string submission;
  std::string answers;
  std::string_view answers_text;
};

// The submission's table. In compat mode a compressed file is what it is for pandas, which goes by
// the name: bytes that are not UTF-8.
tl::expected<Frame, ReadFault> ReadSubmissionTable(Mode mode, std::string_view bytes,
                                                   const ReadCsvOptions& options,
                                                   std::string& unpacked, std::string_view& text) {
  if (mode == Mode::kCompat) return ReadPandasCsv(bytes, options);
  auto whole = UnpackStrictly(bytes, {}, unpacked);
  if (!whole) return tl::unexpected(whole.error());
  text = *whole;
  return ReadPandasCsv(text, options);
}

Graded<Tables> ReadTables(const CompetitionSpec& spec, Mode mode, std::string_view submission,
                          std::string_view answers, const Release& release,
                          UnpackedFiles& unpacked) {
  ReadCsvOptions options = mode == Mode::kStrict ? StrictOptions(spec.rules) : ReadCsvOptions();
  options.release = release;
  constexpr std::size_t kWorthAThread = 256 << 10;  // bytes
  Beside<Graded<Frame>> answers_reader(
      [&] { return ReadAnswers(spec, answers, options, unpacked.answers, unpacked.answers_text); },
      answers.size() >= kWorthAThread || IsPacked(answers));
  Tables tables;
  tables.release = release;
  if (!spec.rules.id_columns.empty()) tables.id = spec.rules.id_columns[0];
  tables.targets = spec.mode(mode).targets;
  tables.may_have_more = spec.mode(mode).align == "cover";
  auto frame =
      ReadSubmissionTable(mode, submission, options, unpacked.submission, tables.submission_text);
  auto truth = answers_reader.Get();
  tables.answers_text = unpacked.answers_text;
  if (!frame && mode == Mode::kCompat) return Raised(frame.error().code, frame.error().detail);
  if (!frame) return Refused(frame.error().code, frame.error().detail);
  tables.submission = std::move(*frame);
  GRADED_ASSIGN(tables.answers, std::move(truth));
  return tables;
}

// Which rows are graded against which. Rows of a table that are not picked stay as they lie.
struct Alignment {
  bool pick_submission = false;
  bool pick_answers = false;
  RowPairs pairs;
};

Graded<Alignment> Align(const ModeSpec& mode, Tables& tables) {
  if (mode.align == "none") return Alignment();
  bool merge = mode.align == "merge";
  if (!merge && InSameOrder(tables)) return Alignment();
  IdRows* matched = mode.align == "ordered" ? nullptr : MatchedRows(tables);
  if (matched != nullptr && matched->in_order) return Alignment();
  if (matched != nullptr) return Alignment{true, false, {std::move(matched->rows), {}}};
  const Column* mine = tables.submission.Find(tables.id);
  const Column* theirs = tables.answers.Find(tables.id);
  if (theirs == nullptr) return TaskFault("bad_answers", "the answers have no id column");
  if (mine == nullptr) return Raised("missing_column", "there is no column '" + tables.id + "'");
  if (merge) return Alignment{true, true, MergeRows(*mine, *theirs)};
  RowPairs pairs{RowsById(*mine), RowsById(*theirs)};
  if (mode.align != "cover") return Alignment{true, true, std::move(pairs)};
  RowPairs merged = MergeRows(mine->Take(pairs.submission), theirs->Take(pairs.answers));
  for (RowIndex& row : merged.submission) row = pairs.submission[row];
  return Alignment{true, true, {std::move(merged.submission), std::move(pairs.answers)}};
}

// Keeps the columns that a metric looks at.
void DropColumns(Frame& frame, const ModeSpec& mode) {
  std::erase_if(frame.columns, [&](const Column& column) {
    bool wanted = std::ranges::find(mode.targets, column.name) != mode.targets.end();
    for (const auto& [name, value] : mode.params) {
      wanted |= value.text == column.name ||
                std::ranges::find(value.list, column.name) != value.list.end();
    }
    return !wanted;
  });
  frame.index.clear();
}

Graded<double> Measure(const ModeSpec& mode, Tables& tables, const Alignment& rows) {
  auto metric = FindMetric(mode.metric);
  if (!metric) return TaskFault("no_metric", metric.error().message);
  if (mode.align != "none") {
    DropColumns(tables.submission, mode);
    DropColumns(tables.answers, mode);
  }
  if (rows.pick_submission) TakeRows(tables.submission, rows.pairs.submission);
  if (rows.pick_answers) TakeRows(tables.answers, rows.pairs.answers);
  return (*metric)->score({tables.submission, tables.answers, mode.targets, mode.params,
                           rows.pairs.submission, rows.pairs.answers});
}

Graded<double> Compute(const CompetitionSpec& spec, Mode mode, std::string_view submission,
                       std::string_view answers, const Release& release) {
  const ModeSpec& how = spec.mode(mode);
  bool strict = mode == Mode::kStrict;
  UnpackedFiles unpacked;
  GRADED_ASSIGN(Tables tables, ReadTables(spec, mode, submission, answers, release, unpacked));
  if (strict) GRADED_TRY(CheckStrictly(spec, tables));
  if (CustomGrader custom = FindCustomGrader(how.metric))
    return custom({tables.submission, tables.answers, how.params, strict});
  GRADED_TRY(ApplyRules(how.rules, tables));
  Alignment rows;
  if (!strict) {
    GRADED_ASSIGN(rows, Align(how, tables));
  }
  return Measure(how, tables, rows);
}

// Strict mode knows no exceptions of the original and no score that is not finite.
Graded<double> Grade(const CompetitionSpec& spec, Mode mode, std::string_view submission,
                     std::string_view answers, const Release& release) {
  auto score = Compute(spec, mode, submission, answers, release);
  if (mode == Mode::kCompat) return score;
  if (!score && score.error().kind == Fault::Kind::kRaised)
    return Refused(score.error().code, score.error().detail);
  if (score && !std::isfinite(*score))
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
                                    std::string_view submission, std::string_view answers,
                                    const std::function<void(std::string_view)>& release) {
  auto score = Grade(spec, mode, submission, answers, release);
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
