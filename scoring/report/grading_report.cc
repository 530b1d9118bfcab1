#include "scoring/report/grading_report.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "scoring/report/python_text.h"

namespace podium::scoring {
namespace {

std::string Truth(bool value) { return value ? "true" : "false"; }

// "key": value lines of an object at a depth, joined by commas.
class Members {
 public:
  explicit Members(int depth) : indent_(static_cast<std::size_t>(2 * depth), ' ') {}
  void Add(std::string_view key, std::string_view value) {
    if (!text_.empty()) text_ += ",\n";
    text_ += indent_;
    text_ += '"';
    text_ += key;
    text_ += "\": ";
    text_ += value;
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string indent_;
  std::string text_;
};

std::string EntryText(const CompetitionReport& r) {
  Members m(3);
  m.Add("competition_id", PythonJsonString(r.competition_id));
  m.Add("score", r.score ? PythonJsonFloat(*r.score) : "null");
  m.Add("gold_threshold", PythonJsonFloat(r.thresholds.gold));
  m.Add("silver_threshold", PythonJsonFloat(r.thresholds.silver));
  m.Add("bronze_threshold", PythonJsonFloat(r.thresholds.bronze));
  m.Add("median_threshold", PythonJsonFloat(r.thresholds.median));
  m.Add("any_medal", Truth(r.flags.any()));
  m.Add("gold_medal", Truth(r.flags.gold));
  m.Add("silver_medal", Truth(r.flags.silver));
  m.Add("bronze_medal", Truth(r.flags.bronze));
  m.Add("above_median", Truth(r.flags.above_median));
  m.Add("submission_exists", Truth(r.submission_exists));
  m.Add("valid_submission", Truth(r.valid_submission));
  m.Add("is_lower_better", Truth(r.lower_is_better));
  m.Add("created_at", PythonJsonString(r.created_at));
  m.Add("submission_path", PythonJsonString(r.submission_path));
  return "    {\n" + m.text() + "\n    }";
}

std::string EntriesText(std::span<const CompetitionReport> reports) {
  if (reports.empty()) return "[]";
  std::string out = "[\n";
  for (std::size_t i = 0; i < reports.size(); ++i) out += (i ? ",\n" : "") + EntryText(reports[i]);
  return out + "\n  ]";
}

// A number, or one of the tokens that QuoteBareNumbers made a string of.
std::optional<double> NumberOf(const Json& entry, const char* key) {
  auto found = entry.find(key);
  if (found == entry.end()) return std::nullopt;
  if (found->is_number()) return found->get<double>();
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (*found == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (*found == "Infinity") return kInf;
  if (*found == "-Infinity") return -kInf;
  return std::nullopt;
}

Result<CompetitionReport> ReadEntry(const Json& entry) {
  CompetitionReport r;
  PODIUM_ASSIGN(r.competition_id, JsonGet<std::string>(entry, "competition_id"));
  PODIUM_ASSIGN(r.flags.gold, JsonGet<bool>(entry, "gold_medal"));
  PODIUM_ASSIGN(r.flags.silver, JsonGet<bool>(entry, "silver_medal"));
  PODIUM_ASSIGN(r.flags.bronze, JsonGet<bool>(entry, "bronze_medal"));
  PODIUM_ASSIGN(r.flags.above_median, JsonGet<bool>(entry, "above_median"));
  PODIUM_ASSIGN(r.submission_exists, JsonGet<bool>(entry, "submission_exists"));
  PODIUM_ASSIGN(r.valid_submission, JsonGet<bool>(entry, "valid_submission"));
  r.score = NumberOf(entry, "score");
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  r.thresholds.gold = NumberOf(entry, "gold_threshold").value_or(kNone);
  r.thresholds.silver = NumberOf(entry, "silver_threshold").value_or(kNone);
  r.thresholds.bronze = NumberOf(entry, "bronze_threshold").value_or(kNone);
  r.thresholds.median = NumberOf(entry, "median_threshold").value_or(kNone);
  r.lower_is_better = JsonOr<bool>(entry, "is_lower_better", false);
  r.created_at = JsonOr<std::string>(entry, "created_at", "");
  r.submission_path = JsonOr<std::string>(entry, "submission_path", "");
  return r;
}

}  // namespace

CompetitionReport MakeCompetitionReport(std::string competition_id, std::string submission_path,
                                        bool exists, std::optional<double> rounded_score,
                                        const MleBenchBoard& board, std::string created_at) {
  return {std::move(competition_id),
          rounded_score,
          board.thresholds(),
          board.Rank(rounded_score),
          exists,
          rounded_score.has_value(),
          board.lower_is_better(),
          std::move(created_at),
          std::move(submission_path)};
}

std::string GradingReportText(std::span<const CompetitionReport> reports) {
  auto total = [&](auto flag) { return std::to_string(std::ranges::count_if(reports, flag)); };
  using R = const CompetitionReport&;
  Members m(1);
  m.Add("total_runs", std::to_string(reports.size()));
  m.Add("total_runs_with_submissions", total([](R r) { return r.submission_exists; }));
  m.Add("total_valid_submissions", total([](R r) { return r.valid_submission; }));
  m.Add("total_medals", total([](R r) { return r.flags.any(); }));
  m.Add("total_gold_medals", total([](R r) { return r.flags.gold; }));
  m.Add("total_silver_medals", total([](R r) { return r.flags.silver; }));
  m.Add("total_bronze_medals", total([](R r) { return r.flags.bronze; }));
  m.Add("total_above_median", total([](R r) { return r.flags.above_median; }));
  m.Add("competition_reports", EntriesText(reports));
  return "{\n" + m.text() + "\n}";
}

Result<std::vector<CompetitionReport>> ReadGradingReport(std::string_view json,
                                                         std::string_view name) {
  PODIUM_ASSIGN(auto report, ParseJson(QuoteBareNumbers(json), name));
  auto entries = report.is_object() ? report.find("competition_reports") : report.end();
  if (!report.is_object() || entries == report.end() || !entries->is_array())
    return Fail(ErrorCode::kIo,
                std::string(name) + ": no list competition_reports: this is not a grading report");
  std::vector<CompetitionReport> out;
  for (const Json& entry : *entries) {
    auto read = ReadEntry(entry);
    if (!read)
      return Fail(ErrorCode::kIo, std::string(name) + ": entry " + std::to_string(out.size()) +
                                      " of competition_reports: " + read.error().message);
    out.push_back(std::move(*read));
  }
  return out;
}

}  // namespace podium::scoring
