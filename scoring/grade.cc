#include "scoring/grade.h"

#include <cmath>

#include "base/digest.h"
#include "base/records/grade_record.h"
#include "base/records/grade_request.h"
#include "scoring/competition_verdict.h"
#include "scoring/leaderboard.h"
#include "scoring/metric.h"
#include "scoring/metrics/inputs.h"
#include "tables/frame/read_csv.h"
#include "tables/submission_table.h"

namespace podium::scoring {
namespace {

constexpr const char* kGrader = "podium-grade/1";

// A grading that this program knows how to do.
Status CheckKnown(const records::TableGrading& grading) {
  if (grading.mode == "strict") return {};
  return Fail(ErrorCode::kIo,
              "grading mode '" + grading.mode + "' is not known; there is 'strict'");
}

// A verdict before it becomes text.
struct Outcome {
  std::string verdict;  // scored, invalid, no_submission, grader_error
  std::string reason;
  std::string detail;
  std::optional<double> raw_score;
};

Outcome GraderError(std::string reason, const Error& error) {
  return {"grader_error", std::move(reason), error.message, std::nullopt};
}

Graded<double> Compute(const Metric& metric, const records::TableGrading& request,
                       const Frame& submission, const Frame& answers) {
  std::vector<std::string> targets;
  for (const ColumnRule& rule : request.rules.columns) targets.push_back(rule.name);
  MetricParams params;
  for (const auto& [name, value] : request.params) params[name] = static_cast<double>(value);
  return metric.score({submission, answers, targets, params});
}

// Answers are Podium's own bytes: every cell but the id's is a finite number.
Graded<void> CheckAnswers(const Frame& answers, std::string_view id_column) {
  for (const Column& column : answers.columns) {
    if (column.name != id_column) GRADED_TRY(FiniteNumbers(column, Side::kAnswers));
  }
  return {};
}

Outcome OutcomeOf(const Fault& fault) {
  if (fault.kind == Fault::Kind::kTask)
    return {"grader_error", "metric_failed", fault.detail, std::nullopt};
  return {"invalid", fault.code, fault.detail, std::nullopt};
}

Outcome Score(const records::TableGrading& request, const records::HandOver& hand_over,
              const GradeInput& input) {
  if (hand_over.status == records::HandOverStatus::kMissing)
    return {"no_submission", "missing", hand_over.detail, std::nullopt};
  if (hand_over.status == records::HandOverStatus::kInvalid)
    return {"invalid", hand_over.reason, hand_over.detail, std::nullopt};
  auto metric = FindMetric(request.metric);
  if (!metric) return GraderError("unknown_metric", metric.error());
  auto ids = IdList::FromCsv(input.answers_csv, request.rules.id_column);
  if (!ids) return GraderError("bad_answers", ids.error());
  auto table = ReadSubmission(*input.submission, request.rules, *ids, input.release);
  if (!table)
    return {"invalid", std::string(FaultText(table.error().fault)), table.error().detail,
            std::nullopt};
  auto answers = ReadPandasCsv(input.answers_csv, {.ragged = false, .repeated_names = false});
  if (!answers) return {"grader_error", "bad_answers", answers.error().detail, std::nullopt};
  if (auto good = CheckAnswers(*answers, request.rules.id_column); !good)
    return {"grader_error", "bad_answers", good.error().detail, std::nullopt};
  auto score = Compute(**metric, request, *table, *answers);
  if (!score) return OutcomeOf(score.error());
  if (!std::isfinite(*score))
    return {"grader_error", "metric_failed", "the score is not finite", std::nullopt};
  return {"scored", "", "", *score};
}

void AddStanding(records::GradeRecord& out, const Leaderboard& board) {
  if (out.raw_score) {
    out.score = RoundScore(*out.raw_score);
    Standing standing = board.Place(*out.score);
    out.standing = {std::string(MedalText(standing.medal)), standing.above_median,
                    standing.percentile, static_cast<std::int64_t>(standing.rank)};
  }
  Thresholds lines = board.thresholds();
  out.board = {board.rows(), {lines.gold, lines.silver, lines.bronze, lines.median}};
}

records::GradeRecord GradeTable(const records::TableGrading& request,
                                const records::HandOver& hand_over, const GradeInput& input) {
  Outcome outcome = Score(request, hand_over, input);
  auto board = Leaderboard::FromCsv(input.board_csv, request.lower_is_better);
  if (!board) outcome = GraderError("bad_leaderboard", board.error());
  records::GradeRecord out;
  out.task = request.task;
  out.task_digest = request.task_digest;
  out.grader = kGrader;
  out.mode = request.mode;
  out.metric = request.metric;
  out.lower_is_better = request.lower_is_better;
  if (input.submission) {
    out.submission_sha256 = Digest::Of(*input.submission).hex();
    out.submission_bytes = input.submission->size();
  }
  out.verdict = outcome.verdict;
  out.reason = outcome.reason;
  out.detail = outcome.detail;
  out.raw_score = outcome.raw_score;
  if (board) AddStanding(out, *board);
  return out;
}

}  // namespace

Result<std::string> GradeToJson(const GradeInput& input) {
  PODIUM_ASSIGN(auto request, records::ParseGradeRequest(input.request_json));
  if (request.hand_over.status == records::HandOverStatus::kOk && !input.submission)
    return Fail(ErrorCode::kIo, "the request says that there is a submission, and none was given");
  if (const auto* competition = std::get_if<records::CompetitionGrading>(&request.grading)) {
    PODIUM_ASSIGN(auto record, GradeCompetition(*competition, request.hand_over, input));
    return records::ToText(record);
  }
  const auto& table = std::get<records::TableGrading>(request.grading);
  PODIUM_TRY(CheckKnown(table));
  return records::ToText(GradeTable(table, request.hand_over, input));
}

}  // namespace podium::scoring
