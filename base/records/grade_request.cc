#include "base/records/grade_request.h"

#include <cmath>

#include "base/json.h"
#include "base/records/schema.h"

namespace podium::records {
namespace {

constexpr std::string_view kWhere = "the grading request";
constexpr std::string_view kTable = "podium-grade-request";
constexpr std::string_view kCompetition = "podium-competition-request";

// JSON has no infinity: an open end is null.
OrderedJson Bound(double value) {
  return std::isfinite(value) ? OrderedJson(value) : OrderedJson(nullptr);
}

OrderedJson HandOverJson(const HandOver& hand_over) {
  OrderedJson out;
  out["status"] = HandOverText(hand_over.status);
  out["reason"] = hand_over.reason;
  out["detail"] = hand_over.detail;
  return out;
}

Result<HandOver> ReadHandOver(const Json& request, const char* key) {
  PODIUM_ASSIGN(auto json, JsonGet<Json>(request, key));
  HandOver out;
  PODIUM_ASSIGN(auto status, JsonGet<std::string>(json, "status"));
  PODIUM_ASSIGN(out.status, ParseHandOverStatus(status));
  out.reason = JsonOr<std::string>(json, "reason", "");
  out.detail = JsonOr<std::string>(json, "detail", "");
  return out;
}

OrderedJson ToJson(const TableGrading& g, const HandOver& hand_over) {
  OrderedJson out;
  out["schema"] = std::string(kTable) + "/1";
  out["task"] = g.task;
  out["task_digest"] = g.task_digest;
  out["mode"] = g.mode;
  out["metric"] = g.metric;
  out["lower_is_better"] = g.lower_is_better;
  out["params"] = OrderedJson::object();
  for (const auto& [key, value] : g.params) out["params"][key] = value;
  out["id_column"] = g.rules.id_column;
  out["columns"] = OrderedJson::array();
  for (const ColumnRule& rule : g.rules.columns) {
    OrderedJson column;
    column["name"] = rule.name;
    column["integer"] = rule.integer;
    column["min"] = Bound(rule.min);
    column["max"] = Bound(rule.max);
    out["columns"].push_back(std::move(column));
  }
  out["handover"] = HandOverJson(hand_over);
  return out;
}

OrderedJson ToJson(const CompetitionGrading& g, const HandOver& hand_over) {
  OrderedJson out;
  out["schema"] = std::string(kCompetition) + "/1";
  out["competition"] = g.competition;
  out["mode"] = g.mode;
  out["submission"] = HandOverJson(hand_over);
  if (!g.known) return out;
  out["known"] = {{"rows", g.known->rows},
                  {"lines",
                   {{"gold", g.known->gold},
                    {"silver", g.known->silver},
                    {"bronze", g.known->bronze},
                    {"median", g.known->median}}},
                  {"source", g.known->source}};
  return out;
}

Status ReadRules(const Json& json, SubmissionRules& rules) {
  PODIUM_ASSIGN(rules.id_column, JsonGet<std::string>(json, "id_column"));
  PODIUM_ASSIGN(auto columns, JsonGet<Json>(json, "columns"));
  for (const Json& column : columns) {
    ColumnRule rule;
    PODIUM_ASSIGN(rule.name, JsonGet<std::string>(column, "name"));
    PODIUM_ASSIGN(rule.integer, JsonGet<bool>(column, "integer"));
    rule.min = JsonOr<double>(column, "min", rule.min);
    rule.max = JsonOr<double>(column, "max", rule.max);
    rules.columns.push_back(std::move(rule));
  }
  if (rules.columns.empty()) return Fail(ErrorCode::kIo, "JSON member 'columns' is empty");
  return {};
}

Result<GradeRequest> ReadTable(const Json& json) {
  TableGrading g;
  PODIUM_ASSIGN(g.task, JsonGet<std::string>(json, "task"));
  PODIUM_ASSIGN(g.task_digest, JsonGet<std::string>(json, "task_digest"));
  PODIUM_ASSIGN(g.mode, JsonGet<std::string>(json, "mode"));
  PODIUM_ASSIGN(g.metric, JsonGet<std::string>(json, "metric"));
  PODIUM_ASSIGN(g.lower_is_better, JsonGet<bool>(json, "lower_is_better"));
  g.params = JsonOr<std::map<std::string, std::int64_t>>(json, "params", {});
  PODIUM_TRY(ReadRules(json, g.rules));
  GradeRequest out{.grading = std::move(g), .hand_over = {}};
  PODIUM_ASSIGN(out.hand_over, ReadHandOver(json, "handover"));
  return out;
}

Result<KnownLines> ReadKnown(const Json& json) {
  KnownLines out;
  PODIUM_ASSIGN(out.rows, JsonGet<std::size_t>(json, "rows"));
  PODIUM_ASSIGN(auto lines, JsonGet<Json>(json, "lines"));
  PODIUM_ASSIGN(out.gold, JsonGet<double>(lines, "gold"));
  PODIUM_ASSIGN(out.silver, JsonGet<double>(lines, "silver"));
  PODIUM_ASSIGN(out.bronze, JsonGet<double>(lines, "bronze"));
  PODIUM_ASSIGN(out.median, JsonGet<double>(lines, "median"));
  out.source = JsonOr<std::string>(json, "source", "");
  return out;
}

Result<GradeRequest> ReadCompetition(const Json& json) {
  CompetitionGrading g;
  PODIUM_ASSIGN(g.competition, JsonGet<std::string>(json, "competition"));
  PODIUM_ASSIGN(g.mode, JsonGet<std::string>(json, "mode"));
  if (auto known = json.find("known"); known != json.end()) {
    PODIUM_ASSIGN(g.known, ReadKnown(*known));
  }
  GradeRequest out{.grading = std::move(g), .hand_over = {}};
  PODIUM_ASSIGN(out.hand_over, ReadHandOver(json, "submission"));
  return out;
}

}  // namespace

std::string ToText(const GradeRequest& request) {
  auto json =
      std::visit([&](const auto& g) { return ToJson(g, request.hand_over); }, request.grading);
  return DumpJson(json) + "\n";
}

Result<GradeRequest> ParseGradeRequest(std::string_view text) {
  PODIUM_ASSIGN(auto json, ParseJson(text, kWhere));
  PODIUM_ASSIGN(auto schema, JsonGet<std::string>(json, "schema"));
  if (schema.starts_with(kCompetition)) {
    PODIUM_TRY(SchemaNumber(schema, kCompetition, 1, kWhere));
    return ReadCompetition(json);
  }
  PODIUM_TRY(SchemaNumber(schema, kTable, 1, kWhere));
  return ReadTable(json);
}

}  // namespace podium::records
