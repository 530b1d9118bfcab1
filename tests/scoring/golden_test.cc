// Every case of the MLE-bench goldens, where they lie beside the checkout.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "base/files.h"
#include "base/text.h"
#include "scoring/competitions/grade_competition.h"
#include "tests/scoring/goldens.h"

namespace podium::scoring {
namespace {

namespace fs = std::filesystem;

fs::path SpecDir() { return fs::path(PODIUM_SOURCE_DIR) / "scoring" / "competitions"; }

struct Case {
  std::string file;
  std::string verdict;
  std::string raw;
  std::string rounded;
  std::string note;
};

std::vector<Case> ReadCases(const std::string& competition) {
  std::vector<Case> cases;
  for (const auto& row : tests::GoldenTable(fs::path("mle-bench") / competition / "expected.tsv")) {
    if (row.size() >= 6 && row[0] != "file")
      cases.push_back({row[0], row[1], row[2], row[3], row[5]});
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

// Where strict mode decides or scores otherwise than compat: the rows of docs/strict-vs-compat.md.
// PODIUM_STRICT_TABLE names a file to write them to.
class StrictTable {
 public:
  static StrictTable& Get() {
    static StrictTable table;
    return table;
  }
  void Add(const std::string& competition, const Case& c, const CompetitionOutcome& compat,
           const CompetitionOutcome& strict) {
    ++cases_;
    std::string a = Text(compat);
    std::string b = Text(strict);
    bool scored = compat.verdict == strict.verdict && compat.reason.empty();
    bool same = scored ? SameRaw(strict.raw_score, FormatDouble(compat.raw_score), 1e-9)
                       : compat.verdict == strict.verdict;
    if (same) return;
    if (competition != last_)
      rows_ += "\n### " + competition +
               "\n\n| file | case | compat | strict |\n| --- | --- | --- | --- |\n";
    last_ = competition;
    ++differences_;
    std::string note = c.note.substr(0, c.note.rfind(';'));
    for (char& ch : note) ch = ch == '|' ? '/' : ch;
    rows_ += "| " + c.file.substr(11, 2) + " | " + note + " | " + a + " | " + b + " |\n";
  }
  ~StrictTable() {
    const char* path = std::getenv("PODIUM_STRICT_TABLE");
    if (path == nullptr) return;
    std::string head =
        "# Strict and compat\n\nWhere `strict` mode decides or scores otherwise than `compat`, "
        "which equals MLE-bench's own "
        "graders: " +
        std::to_string(differences_) + " of " + std::to_string(cases_) +
        " golden cases. A number is the raw score; `refused` and\n`raised` say that there is none "
        "and why. "
        "Each competition's file in `scoring/competitions` gives the reasons under\n`deviations`. "
        "Written by the "
        "golden test: `PODIUM_STRICT_TABLE=docs/strict-vs-compat.md podium_golden_test`.\n";
    EXPECT_TRUE(WriteFileAtomic(path, head + rows_));
  }

 private:
  static std::string Text(const CompetitionOutcome& o) {
    if (o.verdict == CompetitionOutcome::Verdict::kScored) {
      if (std::isnan(o.raw_score)) return "nan";
      char text[40];
      std::snprintf(text, sizeof text, "%.9g", o.raw_score);
      return text;
    }
    if (o.verdict == CompetitionOutcome::Verdict::kGraderError) return "grader_error " + o.reason;
    return (o.raised ? "raised " : "refused ") + o.reason;
  }
  std::string rows_;
  std::string last_;
  int cases_ = 0;
  int differences_ = 0;
};

class GoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(GoldenTest, CompatEqualsMleBench) {
  fs::path dir = tests::GoldenDir() / "mle-bench" / GetParam();
  auto cases = ReadCases(GetParam());
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
    auto strict = GradeCompetition(*spec, Mode::kStrict, *bytes, *answers);
    EXPECT_NE(strict.verdict, CompetitionOutcome::Verdict::kGraderError) << strict.detail;
    StrictTable::Get().Add(GetParam(), c, outcome, strict);
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
