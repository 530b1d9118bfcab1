#include "base/records/grade_record.h"

#include <cmath>
#include <cstdlib>

#include "base/json.h"
#include "base/records/grade_json.h"
#include "base/records/schema.h"
#include "base/text.h"

namespace podium::records {
namespace {

constexpr std::string_view kKind = "podium-verdict";

// JSON has neither infinity nor NaN: their names stand for them.
OrderedJson Number(double value) {
  return std::isfinite(value) ? OrderedJson(value) : OrderedJson(FormatDouble(value));
}

template <class T>
OrderedJson OrNull(const std::optional<T>& value) {
  return value ? OrderedJson(*value) : OrderedJson(nullptr);
}

OrderedJson NumberOrNull(const std::optional<double>& value) {
  return value ? Number(*value) : OrderedJson(nullptr);
}

std::optional<double> ReadNumber(const Json& object, const char* key) {
  auto it = object.find(key);
  if (it == object.end()) return std::nullopt;
  if (it->is_number()) return it->get<double>();
  if (!it->is_string()) return std::nullopt;
  const auto& text = it->get_ref<const std::string&>();
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  return end == text.c_str() ? std::nullopt : std::optional(value);
}

void AddBoard(OrderedJson& out, const GradeRecord& r) {
  const BoardRecord& board = *r.board;
  out["leaderboard_rows"] = board.rows;
  out["thresholds"] = {{"gold", Number(board.lines.gold)},
                       {"silver", Number(board.lines.silver)},
                       {"bronze", Number(board.lines.bronze)},
                       {"median", Number(board.lines.median)}};
}

void AddStanding(OrderedJson& out, const GradeRecord& r) {
  const std::string& medal = r.standing.medal;
  out["medal"] = medal;
  if (r.competition)
    out["medals"] = {{"any", medal != "none"},
                     {"gold", medal == "gold"},
                     {"silver", medal == "silver"},
                     {"bronze", medal == "bronze"}};
  out["above_median"] = r.standing.above_median;
  out["percentile"] = OrNull(r.standing.percentile);
  out["rank"] = OrNull(r.standing.rank);
}

Status ReadStanding(const Json& json, GradeRecord& r) {
  r.standing.medal = JsonOr<std::string>(json, "medal", "none");
  r.standing.above_median = JsonOr(json, "above_median", false);
  r.standing.percentile = ReadNumber(json, "percentile");
  if (auto rank = ReadNumber(json, "rank")) r.standing.rank = static_cast<std::int64_t>(*rank);
  auto lines = json.find("thresholds");
  if (lines == json.end() || !lines->is_object()) return {};
  BoardRecord board;
  board.rows = JsonOr<std::size_t>(json, "leaderboard_rows", 0);
  board.lines = {ReadNumber(*lines, "gold").value_or(0), ReadNumber(*lines, "silver").value_or(0),
                 ReadNumber(*lines, "bronze").value_or(0),
                 ReadNumber(*lines, "median").value_or(0)};
  r.board = board;
  return {};
}

}  // namespace

OrderedJson GradeRecordJson(const GradeRecord& r) {
  OrderedJson out;
  out["schema"] = std::string(kKind) + "/1";
  out["task"] = r.task;
  out["task_digest"] = r.task_digest;
  if (!r.grader.empty()) out["grader"] = r.grader;
  if (!r.mode.empty()) out["mode"] = r.mode;
  if (!r.metric.empty()) out["metric"] = r.metric;
  out["lower_is_better"] = r.lower_is_better;
  out["submission_sha256"] = OrNull(r.submission_sha256);
  out["submission_bytes"] = OrNull(r.submission_bytes);
  out["verdict"] = r.verdict;
  out["reason"] = r.reason;
  out["detail"] = r.detail;
  if (r.competition) out["raised"] = r.competition->raised;
  out["raw_score"] = NumberOrNull(r.raw_score);
  out["score"] = NumberOrNull(r.score);
  AddStanding(out, r);
  if (r.board) AddBoard(out, r);
  if (r.competition && r.board) out["lines_from"] = r.competition->lines_from;
  if (r.competition && !r.competition->board_note.empty())
    out["board_note"] = r.competition->board_note;
  return out;
}

Result<GradeRecord> GradeRecordFrom(const Json& json, std::string_view where) {
  GradeRecord r;
  PODIUM_ASSIGN(auto schema, JsonGet<std::string>(json, "schema"));
  PODIUM_TRY(SchemaNumber(schema, kKind, 1, where));
  r.task = JsonOr<std::string>(json, "task", "");
  r.task_digest = JsonOr<std::string>(json, "task_digest", "");
  r.grader = JsonOr<std::string>(json, "grader", "");
  r.mode = JsonOr<std::string>(json, "mode", "");
  r.metric = JsonOr<std::string>(json, "metric", "");
  r.lower_is_better = JsonOr(json, "lower_is_better", false);
  if (auto sha = JsonOr<std::string>(json, "submission_sha256", ""); !sha.empty())
    r.submission_sha256 = sha;
  if (auto bytes = JsonOr<std::int64_t>(json, "submission_bytes", -1); bytes >= 0)
    r.submission_bytes = static_cast<std::uint64_t>(bytes);
  PODIUM_ASSIGN(r.verdict, JsonGet<std::string>(json, "verdict"));
  r.reason = JsonOr<std::string>(json, "reason", "");
  r.detail = JsonOr<std::string>(json, "detail", "");
  r.raw_score = ReadNumber(json, "raw_score");
  r.score = ReadNumber(json, "score");
  PODIUM_TRY(ReadStanding(json, r));
  if (json.contains("raised"))
    r.competition = CompetitionRecord{JsonOr(json, "raised", false),
                                      JsonOr<std::string>(json, "lines_from", ""),
                                      JsonOr<std::string>(json, "board_note", "")};
  return r;
}

std::string ToText(const GradeRecord& record) { return DumpJson(GradeRecordJson(record)) + "\n"; }

Result<GradeRecord> ParseGradeRecord(std::string_view text, std::string_view where) {
  PODIUM_ASSIGN(auto json, ParseJson(text, where));
  return GradeRecordFrom(json, where);
}

}  // namespace podium::records
