#include "scoring/grade.h"

#include <cmath>
#include <limits>

#include "base/digest.h"
#include "base/json.h"
#include "scoring/competition_verdict.h"
#include "scoring/leaderboard.h"
#include "scoring/metric.h"
#include "scoring/metrics/inputs.h"
#include "tables/frame/read_csv.h"
#include "tables/submission_table.h"

namespace podium::scoring {
namespace {

constexpr const char* kGrader = "podium-grade/1";

struct Request {
  std::string task;
  std::string task_digest;
  std::string mode;
  std::string metric;
  bool lower_is_better = false;
  std::map<std::string, std::int64_t> params;
  SubmissionRules rules;
  std::string handover;  // ok, missing, invalid
  std::string handover_reason;
  std::string handover_detail;
};

// The bounds of a column; null is open.
double BoundOf(const Json& column, const char* key, double open) {
  return JsonOr<double>(column, key, open);
}

Status ReadColumns(const Json& json, SubmissionRules& rules) {
  PODIUM_ASSIGN(rules.id_column, JsonGet<std::string>(json, "id_column"));
  PODIUM_ASSIGN(auto columns, JsonGet<Json>(json, "columns"));
  for (const Json& column : columns) {
    ColumnRule rule;
    PODIUM_ASSIGN(rule.name, JsonGet<std::string>(column, "name"));
    PODIUM_ASSIGN(rule.integer, JsonGet<bool>(column, "integer"));
    rule.min = BoundOf(column, "min", rule.min);
    rule.max = BoundOf(column, "max", rule.max);
    rules.columns.push_back(std::move(rule));
  }
  if (rules.columns.empty()) return Fail(ErrorCode::kIo, "JSON member 'columns' is empty");
  return {};
}

Status ReadHandover(const Json& json, Request& request) {
  PODIUM_ASSIGN(auto handover, JsonGet<Json>(json, "handover"));
  PODIUM_ASSIGN(request.handover, JsonGet<std::string>(handover, "status"));
  bool known =
      request.handover == "ok" || request.handover == "missing" || request.handover == "invalid";
  if (!known)
    return Fail(ErrorCode::kIo,
                "handover.status '" + request.handover + "' is none of ok, missing, invalid");
  request.handover_reason = JsonOr<std::string>(handover, "reason", "");
  request.handover_detail = JsonOr<std::string>(handover, "detail", "");
  return {};
}

Result<Request> ReadRequest(std::string_view text) {
  PODIUM_ASSIGN(auto json, ParseJson(text, "the grading request"));
  PODIUM_ASSIGN(auto schema, JsonGet<std::string>(json, "schema"));
  if (schema != "podium-grade-request/1")
    return Fail(ErrorCode::kIo,
                "the grading request's schema '" + schema + "' is not podium-grade-request/1");
  Request request;
  PODIUM_ASSIGN(request.task, JsonGet<std::string>(json, "task"));
  PODIUM_ASSIGN(request.task_digest, JsonGet<std::string>(json, "task_digest"));
  PODIUM_ASSIGN(request.mode, JsonGet<std::string>(json, "mode"));
  if (request.mode != "strict")
    return Fail(ErrorCode::kIo,
                "grading mode '" + request.mode + "' is not known; there is 'strict'");
  PODIUM_ASSIGN(request.metric, JsonGet<std::string>(json, "metric"));
  PODIUM_ASSIGN(request.lower_is_better, JsonGet<bool>(json, "lower_is_better"));
  request.params = JsonOr<std::map<std::string, std::int64_t>>(json, "params", {});
  PODIUM_TRY(ReadColumns(json, request.rules));
  PODIUM_TRY(ReadHandover(json, request));
  return request;
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

Graded<double> Compute(const Metric& metric, const Request& request, const Frame& submission,
                       const Frame& answers) {
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

Outcome Score(const Request& request, const GradeInput& input) {
  if (request.handover == "missing")
    return {"no_submission", "missing", request.handover_detail, std::nullopt};
  if (request.handover == "invalid")
    return {"invalid", request.handover_reason, request.handover_detail, std::nullopt};
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

void AddStanding(OrderedJson& out, const Outcome& outcome, const Leaderboard& board) {
  out["score"] = nullptr;
  out["medal"] = "none";
  out["above_median"] = false;
  out["percentile"] = nullptr;
  out["rank"] = nullptr;
  if (outcome.raw_score) {
    double score = RoundScore(*outcome.raw_score);
    Standing standing = board.Place(score);
    out["score"] = score;
    out["medal"] = std::string(MedalText(standing.medal));
    out["above_median"] = standing.above_median;
    out["percentile"] = standing.percentile;
    out["rank"] = standing.rank;
  }
  Thresholds lines = board.thresholds();
  out["leaderboard_rows"] = board.rows();
  out["thresholds"] = {{"gold", lines.gold},
                       {"silver", lines.silver},
                       {"bronze", lines.bronze},
                       {"median", lines.median}};
}

}  // namespace

Result<std::string> GradeToJson(const GradeInput& input) {
  auto head = ParseJson(input.request_json, "the grading request");
  if (head && JsonOr<std::string>(*head, "schema", "") == kCompetitionRequest)
    return GradeCompetitionToJson(input);
  PODIUM_ASSIGN(auto request, ReadRequest(input.request_json));
  if (request.handover == "ok" && !input.submission)
    return Fail(ErrorCode::kIo, "the request says that there is a submission, and none was given");
  Outcome outcome = Score(request, input);
  auto board = Leaderboard::FromCsv(input.board_csv, request.lower_is_better);
  if (!board) outcome = GraderError("bad_leaderboard", board.error());

  OrderedJson out;
  out["schema"] = "podium-verdict/1";
  out["task"] = request.task;
  out["task_digest"] = request.task_digest;
  out["grader"] = kGrader;
  out["mode"] = request.mode;
  out["metric"] = request.metric;
  out["lower_is_better"] = request.lower_is_better;
  out["submission_sha256"] =
      input.submission ? OrderedJson(Digest::Of(*input.submission).hex()) : OrderedJson(nullptr);
  out["submission_bytes"] =
      input.submission ? OrderedJson(input.submission->size()) : OrderedJson(nullptr);
  out["verdict"] = outcome.verdict;
  out["reason"] = outcome.reason;
  out["detail"] = outcome.detail;
  out["raw_score"] = outcome.raw_score ? OrderedJson(*outcome.raw_score) : OrderedJson(nullptr);
  if (board) AddStanding(out, outcome, *board);
  return DumpJson(out) + "\n";
}

}  // namespace podium::scoring
