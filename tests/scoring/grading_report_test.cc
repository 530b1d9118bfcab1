#include "scoring/report/grading_report.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/files.h"
#include "base/text.h"
#include "scoring/competitions/grade_competition.h"
#include "scoring/report/python_text.h"
#include "scoring/report/submission_list.h"
#include "tables/board.h"
#include "tests/scoring/goldens.h"

namespace podium::scoring {
namespace {

namespace fs = std::filesystem;

// Python 3.11: repr(x), json.dumps(x).
TEST(PythonTextTest, FloatsAsPythonPrintsThem) {
  EXPECT_EQ(PythonJsonFloat(1), "1.0");
  EXPECT_EQ(PythonJsonFloat(-0.0), "-0.0");
  EXPECT_EQ(PythonJsonFloat(0.1), "0.1");
  EXPECT_EQ(PythonJsonFloat(0.0001), "0.0001");
  EXPECT_EQ(PythonJsonFloat(0.00001), "1e-05");
  EXPECT_EQ(PythonJsonFloat(-0.000012345), "-1.2345e-05");
  EXPECT_EQ(PythonJsonFloat(9948562.775255), "9948562.775255");
  EXPECT_EQ(PythonJsonFloat(1e15), "1000000000000000.0");
  EXPECT_EQ(PythonJsonFloat(1e16), "1e+16");
  EXPECT_EQ(PythonJsonFloat(123456789012345680.0), "1.2345678901234568e+17");
  EXPECT_EQ(PythonJsonFloat(5e-324), "5e-324");
  EXPECT_EQ(PythonJsonFloat(1.7976931348623157e308), "1.7976931348623157e+308");
  EXPECT_EQ(PythonJsonFloat(NAN), "NaN");
  EXPECT_EQ(PythonJsonFloat(-INFINITY), "-Infinity");
}

TEST(PythonTextTest, StringsAreAscii) {
  EXPECT_EQ(PythonJsonString("a\"\\\n\x01\x7f"), "\"a\\\"\\\\\\n\\u0001\x7f\"");
  EXPECT_EQ(PythonJsonString("\xC3\xA9"), "\"\\u00e9\"");
  EXPECT_EQ(PythonJsonString("\xF0\x9F\x98\x80"), "\"\\ud83d\\ude00\"");
  EXPECT_EQ(PythonJsonString("\xFF"), "\"\\udcff\"");
  EXPECT_EQ(PythonJsonString("\xC0\x80"), "\"\\udcc0\\udc80\"");  // an overlong form is no UTF-8
}

TEST(PythonTextTest, PathsAreNormalisedLikePurePosixPath) {
  EXPECT_EQ(PythonPath("./a//b/./c/"), "a/b/c");
  EXPECT_EQ(PythonPath("a/../b"), "a/../b");
  EXPECT_EQ(PythonPath(""), ".");
  EXPECT_EQ(PythonPath("/"), "/");
  EXPECT_EQ(PythonPath("//a"), "//a");
  EXPECT_EQ(PythonPath("///a"), "/a");
  EXPECT_TRUE(HasCsvSuffix("x/y.CSV/"));
  EXPECT_TRUE(HasCsvSuffix("a.b.csv"));
  for (const char* no : {".csv", "..csv", "csv", "a.csv.gz", "a.csv/b", "a.", ""})
    EXPECT_FALSE(HasCsvSuffix(no)) << no;
}

TEST(SubmissionListTest, CommentsAndBadLinesDoNotStopIt) {
  auto list = ReadSubmissionList(
      "# c\r\n\r\n// c\n{\"competition_id\": \"a\", \"submission_path\": \"./x.csv\"}\r"
      "{\"competition_id\": \"b\", \"submission_path\": null}\n"
      "{\"competition_id\": \"c\"}\n"
      "[1]\n"
      "{\"competition_id\": 3, \"submission_path\": \"x\"}\n"
      "{\"competition_id\": \"d\", \"submission_path\": \"a\\u0000b\"}\n"
      "{\"competition_id\": \"d\", \"submission_path\": \n"
      "{\"competition_id\": \"e\", \"submission_path\": true, \"x\": NaN}");
  ASSERT_EQ(list.submissions.size(), 3u);
  EXPECT_EQ(list.submissions[0].submission_path, "x.csv");
  EXPECT_EQ(list.submissions[0].line, 4u);
  EXPECT_EQ(list.submissions[1].submission_path, "None");
  EXPECT_EQ(list.submissions[2].submission_path, "True");
  ASSERT_EQ(list.bad.size(), 5u);
  EXPECT_EQ(list.bad[0].line, 6u);
  EXPECT_NE(list.bad[0].why.find("submission_path is missing"), std::string::npos);
}

CompetitionReport Example() {
  auto board = *MleBenchBoard::From({0.9, 0.8, 0.5, 0.25});
  return MakeCompetitionReport("demo", "x.csv", true, 0.9, board, "2024-01-01T00:00:00");
}

TEST(GradingReportTest, IsMleBenchsText) {
  std::vector<CompetitionReport> reports = {Example()};
  EXPECT_EQ(GradingReportText(reports), R"({
  "total_runs": 1,
  "total_runs_with_submissions": 1,
  "total_valid_submissions": 1,
  "total_medals": 1,
  "total_gold_medals": 1,
  "total_silver_medals": 0,
  "total_bronze_medals": 0,
  "total_above_median": 1,
  "competition_reports": [
    {
      "competition_id": "demo",
      "score": 0.9,
      "gold_threshold": 0.9,
      "silver_threshold": 0.9,
      "bronze_threshold": 0.9,
      "median_threshold": 0.65,
      "any_medal": true,
      "gold_medal": true,
      "silver_medal": false,
      "bronze_medal": false,
      "above_median": true,
      "submission_exists": true,
      "valid_submission": true,
      "is_lower_better": false,
      "created_at": "2024-01-01T00:00:00",
      "submission_path": "x.csv"
    }
  ]
})");
}

TEST(GradingReportTest, ReadsWhatItWrites) {
  CompetitionReport nan = Example();
  nan.score = NAN;
  nan.competition_id = "Infinity \"NaN\"";
  CompetitionReport none = Example();
  none.score.reset();
  none.thresholds.gold = -INFINITY;
  std::vector<CompetitionReport> reports = {nan, none};
  auto read = ReadGradingReport(GradingReportText(reports), "report");
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[0].competition_id, nan.competition_id);
  EXPECT_TRUE(std::isnan(*(*read)[0].score));
  EXPECT_FALSE((*read)[1].score);
  EXPECT_EQ(GradingReportText(*read), GradingReportText(reports));
}

TEST(GradingReportTest, DamageIsNamed) {
  auto why = [](std::string_view text) {
    return ReadGradingReport(text, "r.json").error().message;
  };
  EXPECT_NE(why("{}").find("r.json: no list competition_reports"), std::string::npos);
  EXPECT_NE(
      why(R"({"competition_reports": [{"competition_id": "a"}]})").find("'gold_medal' is missing"),
      std::string::npos);
  EXPECT_FALSE(ReadGradingReport("{", "r.json"));
}

// The rounded score of a file by the competition's grader; none where it is invalid.
std::optional<double> Graded(const std::string& id, const std::string& bytes) {
  auto spec = LoadCompetition(fs::path(PODIUM_SOURCE_DIR) / "scoring/competitions", id);
  fs::path dir = tests::GoldenDir() / "mle-bench" / id;
  auto answers =
      ReadFile(dir / (fs::exists(dir / "answers.csv") ? "answers.csv" : "answers.jsonl"));
  auto outcome = GradeCompetition(*spec, Mode::kCompat, bytes, *answers);
  if (outcome.verdict != CompetitionOutcome::Verdict::kScored) return std::nullopt;
  return outcome.rounded_score;
}

std::string ReportOf(const fs::path& jsonl) {
  auto text = ReadFile(jsonl);
  std::vector<CompetitionReport> reports;
  for (const auto& s : ReadSubmissionList(*text).submissions) {
    auto csv = ReadFile(tests::GoldenDir() / "reports/boards" / (s.competition_id + ".csv"));
    if (!csv) continue;
    auto board = *MleBenchBoard::From(ReadBoard(*csv)->scores);
    fs::path path = tests::GoldenDir() / s.submission_path;
    bool exists = fs::is_regular_file(path) && HasCsvSuffix(s.submission_path);
    auto score = exists ? Graded(s.competition_id, *ReadFile(path)) : std::nullopt;
    reports.push_back(MakeCompetitionReport(s.competition_id, s.submission_path, exists, score,
                                            board, "2024-01-01T00:00:00"));
  }
  return GradingReportText(reports);
}

TEST(GradingReportTest, EqualsMleBenchByteForByte) {
  if (!fs::exists(tests::GoldenDir()))
    GTEST_SKIP() << "the golden reports are not beside this checkout";
  int reports = 0;
  for (const auto& entry : fs::directory_iterator(tests::GoldenDir() / "reports")) {
    std::string name = entry.path().filename();
    if (!name.ends_with(".expected.json")) continue;
    fs::path jsonl = entry.path().parent_path() / (name.substr(0, name.find('.')) + ".jsonl");
    EXPECT_EQ(ReportOf(jsonl), *ReadFile(entry.path())) << name;
    ++reports;
  }
  EXPECT_EQ(reports, 7);
}

// Batches that end mle-bench with an exception and no report: here the rest is graded.
TEST(GradingReportTest, OneBadFileOrLineNeverAbortsABatch) {
  if (!fs::exists(tests::GoldenDir()))
    GTEST_SKIP() << "the golden reports are not beside this checkout";
  auto entries = [](const char* name) {
    return ReadGradingReport(ReportOf(tests::GoldenDir() / "reports" / name), name)->size();
  };
  EXPECT_EQ(entries("abort_01.jsonl"), 3u);  // a row of too many fields: invalid, the rest graded
  EXPECT_EQ(entries("abort_02.jsonl"), 1u);  // UTF-16
  EXPECT_EQ(entries("abort_03.jsonl"), 1u);  // an unknown competition has no board: left out
  EXPECT_EQ(entries("abort_04.jsonl"), 1u);  // a line that is not JSON
  EXPECT_EQ(entries("abort_05.jsonl"), 0u);  // no submission_path
}

}  // namespace
}  // namespace podium::scoring
