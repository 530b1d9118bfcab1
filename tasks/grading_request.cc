#include "tasks/grading_request.h"

#include <cmath>

#include "base/json.h"

namespace podium::tasks {
namespace {

// JSON has no infinity: an open end is null.
OrderedJson Bound(double value) {
  return std::isfinite(value) ? OrderedJson(value) : OrderedJson(nullptr);
}

OrderedJson HandoverJson(const Handover& handover) {
  static constexpr const char* kTexts[] = {"ok", "missing", "invalid"};
  OrderedJson out;
  out["status"] = kTexts[static_cast<int>(handover.status)];
  out["reason"] = handover.reason;
  out["detail"] = handover.detail;
  return out;
}

}  // namespace

namespace {

// A competition of mle-bench: its specification travels to the grader (scoring's
// competition_verdict.h reads it).
std::string CompetitionRequestJson(const TaskPackage& task, const Handover& handover) {
  OrderedJson submission = HandoverJson(handover);
  OrderedJson out = {{"schema", "podium-competition-request/1"},
                     {"competition", task.grader.competition},
                     {"mode", task.grader.mode},
                     {"submission", submission}};
  if (const auto& lines = task.leaderboard.lines) {
    out["known"] = {{"rows", lines->rows},
                    {"lines",
                     {{"gold", lines->gold},
                      {"silver", lines->silver},
                      {"bronze", lines->bronze},
                      {"median", lines->median}}},
                    {"source", task.leaderboard.note}};
  }
  return DumpJson(out) + "\n";
}

}  // namespace

std::string GradeRequestJson(const TaskPackage& task, const PreparedTask& prepared,
                             const Handover& handover) {
  if (!task.grader.competition.empty()) return CompetitionRequestJson(task, handover);
  OrderedJson out;
  out["schema"] = "podium-grade-request/1";
  out["task"] = task.id.str();
  out["task_digest"] = prepared.task_digest.hex();
  out["mode"] = "strict";
  out["metric"] = task.grader.metric;
  out["lower_is_better"] = task.grader.lower_is_better;
  out["params"] = OrderedJson::object();
  for (const auto& [key, value] : task.grader.params) out["params"][key] = value;
  out["id_column"] = task.submission.rules.id_column;
  out["columns"] = OrderedJson::array();
  for (const ColumnRule& rule : task.submission.rules.columns) {
    OrderedJson column;
    column["name"] = rule.name;
    column["integer"] = rule.integer;
    column["min"] = Bound(rule.min);
    column["max"] = Bound(rule.max);
    out["columns"].push_back(std::move(column));
  }
  out["handover"] = HandoverJson(handover);
  return DumpJson(out) + "\n";
}

fs::path AnswersPath(const PreparedTask& prepared) { return prepared.private_dir / "answers.csv"; }
fs::path BoardPath(const PreparedTask& prepared) { return prepared.board_file; }

}  // namespace podium::tasks
