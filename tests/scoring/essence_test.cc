// The goldens' essence, shipped with the project: every competition and so every metric on small
// inputs, with the values of mle-bench for compat and our own reasons and strict scores beside
// them. PODIUM_UPDATE_CASES=1 rewrites our own part.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "scoring/competitions/grade_competition.h"
#include "tables/frame/read_csv.h"
#include "tests/scoring/case_file.h"

namespace podium::scoring {
namespace {

namespace fs = std::filesystem;
using Verdict = CompetitionOutcome::Verdict;

const fs::path kSpecs = fs::path(PODIUM_SOURCE_DIR) / "scoring" / "competitions";
const fs::path kCases = fs::path(PODIUM_SOURCE_DIR) / "tests" / "scoring" / "cases";

std::string Short(const CompetitionOutcome& outcome) {
  if (outcome.verdict != Verdict::kScored) return outcome.reason;
  if (std::isnan(outcome.raw_score)) return "nan";
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", outcome.raw_score);
  return text;
}

std::string VerdictOf(const CompetitionOutcome& outcome) {
  if (outcome.verdict != Verdict::kInvalid) return std::string(VerdictText(outcome.verdict));
  return outcome.raised ? "error" : "invalid";
}

// Equal up to 1e-9, relative or absolute, as the goldens are compared (1e-8 for angles near 0).
bool Near(double got, const std::string& wanted, double absolute) {
  double value = std::strtod(wanted.c_str(), nullptr);
  if (std::isnan(value)) return std::isnan(got);
  if (std::isinf(value)) return got == value;
  return std::abs(got - value) <= std::max(absolute, 1e-9 * std::abs(value));
}

std::string Unsigned(std::string text) { return text == "-0.0" ? "0.0" : text; }

void CheckCompat(const tests::ScoringCase& c, const CompetitionOutcome& got, double absolute) {
  EXPECT_EQ(VerdictOf(got), c.verdict) << got.detail;
  if (c.verdict == "scored" && got.verdict == Verdict::kScored) {
    EXPECT_TRUE(Near(got.raw_score, c.raw, absolute)) << got.raw_score << " for " << c.raw;
    EXPECT_EQ(Unsigned(got.rounded_text), Unsigned(c.rounded));
  }
  EXPECT_EQ(got.reason, c.reason);
}

void CheckStrict(const tests::ScoringCase& c, const CompetitionOutcome& got) {
  if (got.verdict == Verdict::kScored) {
    EXPECT_TRUE(Near(got.raw_score, c.strict, 1e-7)) << got.raw_score << " for " << c.strict;
  } else {
    EXPECT_EQ(Short(got), c.strict) << got.detail;
  }
}

class EssenceTest : public testing::TestWithParam<std::string> {};

TEST_P(EssenceTest, EveryCaseHasItsVerdict) {
  auto spec = LoadCompetition(kSpecs, GetParam());
  ASSERT_TRUE(spec) << spec.error().message;
  fs::path path = kCases / (GetParam() + ".txt");
  auto file = tests::ReadCaseFile(path);
  ASSERT_TRUE(file) << file.error().message;
  bool angles = spec->compat.metric == "angular_error";  // an arc cosine near 1
  bool update = std::getenv("PODIUM_UPDATE_CASES") != nullptr;
  for (tests::ScoringCase& c : file->cases) {
    SCOPED_TRACE(GetParam() + " " + c.name + ": " + c.note);
    auto compat = GradeCompetition(*spec, Mode::kCompat, c.submission, file->answers);
    auto strict = GradeCompetition(*spec, Mode::kStrict, c.submission, file->answers);
    if (update) c.reason = compat.reason;
    if (update) c.strict = Short(strict);
    CheckCompat(c, compat, angles ? 1e-8 : 1e-9);
    CheckStrict(c, strict);
  }
  if (update) {
    EXPECT_TRUE(tests::UpdateCaseFile(path, file->cases));
  }
}

// A frame as text: types, cells, index.
std::string Dump(const Frame& frame) {
  std::string out;
  for (const auto* columns : {&frame.index, &frame.columns}) {
    for (const Column& column : *columns) {
      out += column.name + " " + std::string(DTypeText(column.dtype)) +
             (column.python_bools ? " bools" : "") + ":";
      for (std::size_t row = 0; row < frame.rows; ++row) out += "|" + column.Str(row);
      out += "\n";
    }
  }
  return out;
}

std::string Dump(std::string_view bytes, std::size_t part_bytes) {
  ReadCsvOptions options;
  options.part_bytes = part_bytes;
  auto frame = ReadPandasCsv(bytes, options);
  return frame ? Dump(*frame) : frame.error().code + " " + frame.error().detail;
}

TEST_P(EssenceTest, SeveralThreadsReadWhatOneReads) {
  auto file = tests::ReadCaseFile(kCases / (GetParam() + ".txt"));
  ASSERT_TRUE(file) << file.error().message;
  for (const tests::ScoringCase& c : file->cases)
    EXPECT_EQ(Dump(c.submission, 64), Dump(c.submission, SIZE_MAX)) << c.name << ": " << c.note;
}

std::vector<std::string> Competitions() {
  return ListCompetitions(kSpecs).value_or(std::vector<std::string>());
}

INSTANTIATE_TEST_SUITE_P(MleBench, EssenceTest, testing::ValuesIn(Competitions()),
                         [](const auto& competition) {
                           std::string name = competition.param;
                           for (char& c : name) {
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           }
                           return name;
                         });

TEST(EssenceTest, CoversEveryMetricOfTheSpecifications) {
  std::set<std::string> seen;
  for (const std::string& id : Competitions()) {
    auto spec = LoadCompetition(kSpecs, id);
    ASSERT_TRUE(spec) << spec.error().message;
    seen.insert(spec->compat.metric);
    seen.insert(spec->strict.metric);
  }
  EXPECT_EQ(Competitions().size(), 82u);
  // Metrics of the starter tasks and plain ones, which metrics_test.cc checks.
  for (const char* own : {"life_forward_mae", "mcrmse", "top_k_hits"}) seen.insert(own);
  for (const Metric& metric : Metrics())
    EXPECT_TRUE(seen.contains(std::string(metric.name))) << metric.name;
}

}  // namespace
}  // namespace podium::scoring
