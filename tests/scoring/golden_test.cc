// Every case of the MLE-bench goldens, where they lie beside the checkout (or at PODIUM_SHARED).

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "scoring/competitions/grade_competition.h"

namespace podium::scoring {
namespace {

namespace fs = std::filesystem;

fs::path GoldenDir() {
  const char* shared = std::getenv("PODIUM_SHARED");
  fs::path root = shared ? fs::path(shared) : fs::path(PODIUM_SOURCE_DIR) / ".." / "shared";
  return root / "goldens" / "mle-bench";
}

fs::path SpecDir() { return fs::path(PODIUM_SOURCE_DIR) / "scoring" / "competitions"; }

struct Case {
  std::string file;
  std::string verdict;
  std::string raw;
  std::string rounded;
  std::string note;
};

std::vector<Case> ReadCases(const fs::path& dir) {
  std::vector<Case> cases;
  std::string text = ReadFile(dir / "expected.tsv").value_or("");
  for (std::string_view line : Split(text, '\n')) {
    auto cells = Split(line, '\t');
    if (cells.size() < 6 || cells[0] == "file") continue;
    cases.push_back({std::string(cells[0]), std::string(cells[1]), std::string(cells[2]),
                     std::string(cells[3]), std::string(cells[5])});
  }
  return cases;
}

// "scored", "invalid" (refused on purpose) or "error" (any other exception), as the goldens say it.
std::string VerdictOf(const CompetitionOutcome& outcome) {
  if (outcome.verdict == CompetitionOutcome::Verdict::kGraderError) return "grader_error";
  if (outcome.verdict == CompetitionOutcome::Verdict::kScored) return "scored";
  return outcome.raised ? "error" : "invalid";
}

bool SameRaw(double got, const std::string& text, double absolute) {
  double wanted = std::strtod(text.c_str(), nullptr);
  if (std::isnan(wanted) || std::isinf(wanted))
    return std::isnan(wanted) ? std::isnan(got) : got == wanted;
  return std::abs(got - wanted) <= std::max(absolute, 1e-9 * std::abs(wanted));
}

bool SameRounded(std::string got, std::string wanted) {
  if (got == "-0.0") got = "0.0";
  if (wanted == "-0.0") wanted = "0.0";
  return got == wanted;
}

// Empty where the outcome is the golden's.
std::string Difference(const std::string& competition, const Case& c,
                       const CompetitionOutcome& got) {
  std::string verdict = VerdictOf(got);
  std::string place = competition + "/" + c.file + " (" + c.note + "): ";
  if (verdict != c.verdict)
    return place + "expected " + c.verdict + " " + c.raw + ", got " + verdict + " " + got.reason +
           ": " + got.detail;
  if (verdict != "scored") return "";
  double absolute = competition == "icecube-neutrinos-in-deep-ice" ? 1e-8 : 1e-9;
  if (!SameRaw(got.raw_score, c.raw, absolute))
    return place + "expected " + c.raw + ", got " + FormatDouble(got.raw_score);
  if (!SameRounded(got.rounded_text, c.rounded))
    return place + "expected rounded " + c.rounded + ", got " + got.rounded_text;
  return "";
}

class GoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(GoldenTest, CompatEqualsMleBench) {
  fs::path dir = GoldenDir() / GetParam();
  auto cases = ReadCases(dir);
  if (cases.empty()) GTEST_SKIP() << "the MLE-bench goldens are not beside this checkout";
  auto spec = LoadCompetition(SpecDir(), GetParam());
  ASSERT_TRUE(spec) << spec.error().message;
  fs::path csv = dir / "answers.csv";
  auto answers = ReadFile(fs::exists(csv) ? csv : dir / "answers.jsonl");
  ASSERT_TRUE(answers) << answers.error().message;
  std::map<std::string, int> equal;
  for (const Case& c : cases) {
    auto bytes = ReadFile(dir / c.file);
    ASSERT_TRUE(bytes) << bytes.error().message;
    auto outcome = GradeCompetition(*spec, Mode::kCompat, *bytes, *answers);
    std::string difference = Difference(GetParam(), c, outcome);
    EXPECT_EQ(difference, "");
    if (difference.empty()) ++equal[c.verdict];
  }
  RecordProperty("scored", equal["scored"]);
  RecordProperty("invalid", equal["invalid"]);
  RecordProperty("error", equal["error"]);
  std::printf("%s: %d scored, %d invalid, %d error of %zu equal\n", GetParam().c_str(),
              equal["scored"], equal["invalid"], equal["error"], cases.size());
}

std::vector<std::string> Competitions() {
  return ListCompetitions(SpecDir()).value_or(std::vector<std::string>());
}

INSTANTIATE_TEST_SUITE_P(MleBench, GoldenTest, testing::ValuesIn(Competitions()),
                         [](const auto& competition) {
                           std::string name = competition.param;
                           for (char& c : name) {
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace podium::scoring
