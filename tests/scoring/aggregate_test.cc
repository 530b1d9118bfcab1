#include "scoring/report/aggregate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "scoring/boards/mle_bench_catalogue.h"
#include "scoring/report/experiment.h"
#include "tests/scoring/goldens.h"

namespace podium::scoring {
namespace {

namespace fs = std::filesystem;

CompetitionReport Entry(std::string id, bool gold) {
  CompetitionReport r;
  r.competition_id = std::move(id);
  r.flags.gold = gold;
  r.submission_exists = r.valid_submission = true;
  return r;
}

std::string Reason(const Error& error) {
  for (const auto& [key, value] : error.context) {
    if (key == "reason") return value;
  }
  return error.message;
}

TEST(MleBenchCatalogueTest, SplitsHaveTheirSizes) {
  std::map<std::string, std::size_t> sizes = {{"low", 22},        {"lite", 22}, {"medium", 38},
                                              {"high", 15},       {"all", 75},  {"split75", 75},
                                              {"systemcard", 30}, {"dev", 7}};
  for (const auto& [name, n] : sizes) {
    auto ids = MleBenchSplit(name);
    ASSERT_TRUE(ids) << ids.error().message;
    EXPECT_EQ(std::set<std::string>(ids->begin(), ids->end()).size(), n) << name;
  }
  auto unknown = MleBenchSplit("medum");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("Did you mean 'medium'?"), std::string::npos);
}

TEST(MleBenchCatalogueTest, LinesLieInTheDirectionOfTheMetric) {
  auto all = *MleBenchCatalogue();
  ASSERT_EQ(all.size(), 82u);
  for (const auto& c : all) {
    double sign = c.lower_is_better ? -1 : 1;
    EXPECT_GE(sign * c.lines.gold, sign * c.lines.silver) << c.id;
    EXPECT_GE(sign * c.lines.silver, sign * c.lines.bronze) << c.id;
    EXPECT_GE(sign * c.lines.bronze, sign * c.lines.median) << c.id;
    EXPECT_GT(c.board_rows, 18u) << c.id;
    EXPECT_FALSE(c.lines_source.empty() || c.rows_source.empty()) << c.id;
  }
}

TEST(AggregateTest, MeanAndStandardErrorAreOverSeeds) {
  const std::vector<std::string> ids = {"a", "b"};
  std::vector<CompetitionReport> reports = {Entry("a", true), Entry("b", true), Entry("a", false),
                                            Entry("b", true)};
  auto two = *AggregateReports(reports, ids, {});
  EXPECT_EQ(two.seeds, 2);
  EXPECT_DOUBLE_EQ(two.any_medal().mean, 75);
  EXPECT_DOUBLE_EQ(two.any_medal().standard_error, 25);
  EXPECT_DOUBLE_EQ(two.any_medal().ci_upper, 75 + 1.96 * 25);
  EXPECT_TRUE(two.too_few_seeds());
  auto one = *AggregateReports(reports, ids, {.seeds = 1});
  EXPECT_DOUBLE_EQ(one.any_medal().mean, 100);
  EXPECT_EQ(one.any_medal().standard_error, 0);
}

// One seed prints a standard error of 0; the interval over tasks stays honest. Wilson's interval
// of 1 in 10: Agresti & Coull 1998 give 0.018 to 0.404.
TEST(AggregateTest, TheTaskIntervalDoesNotVanishWithOneSeed) {
  std::vector<std::string> ids;
  std::vector<CompetitionReport> reports;
  for (int i = 0; i < 10; ++i) {
    ids.push_back("c" + std::to_string(i));
    reports.push_back(Entry(ids.back(), i == 0));
  }
  auto a = *AggregateReports(reports, ids, {});
  EXPECT_EQ(a.any_medal().standard_error, 0);
  EXPECT_NEAR(a.tasks_low, 1.8, 0.05);
  EXPECT_NEAR(a.tasks_high, 40.4, 0.05);
}

TEST(AggregateTest, MissingReportsAreAnErrorOrPadding) {
  const std::vector<std::string> ids = {"a", "b"};
  std::vector<CompetitionReport> reports = {Entry("a", true), Entry("a", true), Entry("x", true)};
  auto reason = [&](AggregateOptions o) {
    return Reason(AggregateReports(reports, ids, o).error());
  };
  EXPECT_EQ(reason({}), "missing_competitions");
  EXPECT_EQ(reason({.seeds = 3, .pad_missing = true}), "too_few_seeds");
  EXPECT_EQ(reason({.seeds = 0, .pad_missing = true}), "no_seeds");
  auto padded = *AggregateReports(reports, ids, {.pad_missing = true});
  EXPECT_EQ(padded.seeds, 2);
  EXPECT_DOUBLE_EQ(padded.any_medal().mean, 50);
  reports.clear();
  EXPECT_EQ(reason({.pad_missing = true}), "no_reports");
}

struct Case {
  std::string outcome;
  std::map<std::string, std::vector<double>> numbers;  // seeds, competitions, mean, sem, low, high
};

Result<std::vector<CompetitionReport>> ReportsOf(const std::string& set, const std::string& name) {
  PODIUM_ASSIGN(auto found, FindExperiment(tests::GoldenDir() / "reports/aggregate" / set, name));
  return ReadReports(found.files);
}

Case CaseOf(const std::vector<std::string>& row) {
  static std::map<std::string, Result<std::vector<CompetitionReport>>> read;
  auto [it, fresh] = read.try_emplace(row[0] + " " + row[1], std::vector<CompetitionReport>{});
  if (fresh) it->second = ReportsOf(row[0], row[1]);
  if (!it->second) return {Reason(it->second.error()), {}};
  const auto& reports = *it->second;
  AggregateOptions options{std::stoi(row[4]), row[3] == "1"};
  auto a = AggregateReports(reports, *MleBenchSplit(row[2]), options);
  if (!a) return {Reason(a.error()), {}};
  Case out{"ok", {}};
  for (const auto& m : a->metrics) {
    out.numbers[m.name] = {double(a->seeds), double(a->competitions),
                           m.mean,           m.standard_error,
                           m.ci_lower,       m.ci_upper};
    out.numbers[m.name].insert(out.numbers[m.name].end(), m.per_seed.begin(), m.per_seed.end());
  }
  return out;
}

std::vector<double> Numbers(const std::vector<std::string>& row) {
  std::vector<double> out;
  auto add = [&](const std::string& text) { out.push_back(std::strtod(text.c_str(), nullptr)); };
  for (std::size_t i : {6, 7, 9, 10, 11, 12}) add(row[i]);
  for (std::string_view value : Split(row[13], ' ')) add(std::string(value));
  return out;
}

TEST(AggregateTest, EqualsMleBenchsScript) {
  auto rows = tests::GoldenTable("reports/aggregate/expected.tsv");
  if (rows.empty()) GTEST_SKIP() << "the golden aggregates are not beside this checkout";
  const std::set<std::string> named = {"missing_competitions", "no_reports", "too_few_seeds",
                                       "unknown_experiment", "two_reports"};
  int equal = 0;
  std::string last;
  Case seen;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto& row = rows[i];
    std::string what = row[0] + " " + row[1] + " " + row[2] + " " + row[3] + " " + row[4];
    if (what != last) seen = CaseOf(row);
    last = what;
    if (row[5] == "ok") {
      ASSERT_EQ(seen.outcome, "ok") << what;
      EXPECT_EQ(seen.numbers[row[8]], Numbers(row)) << what << " " << row[8];
    } else {
      EXPECT_TRUE(named.contains(seen.outcome)) << what << ": " << seen.outcome;
    }
    ++equal;
  }
  EXPECT_EQ(equal, 1048);
}

TEST(StudentTTest, EqualsTheTables) {
  const std::map<std::size_t, double> table = {{1, 12.706204736174705}, {2, 4.302652729749464},
                                               {3, 3.182446305284263},  {4, 2.7764451051977987},
                                               {9, 2.2621571627409915}, {10, 2.2281388519649385},
                                               {30, 2.0422724563012373}};
  for (const auto& [n, t] : table) EXPECT_NEAR(StudentT95(n), t, 1e-8) << n;
}

// Group two lacks a report: compat pairs the first group's with the third's.
TEST(StrictAggregateTest, ASeedIsARunGroup) {
  const std::vector<std::string> ids = {"a", "b"};
  std::vector<SeedGroup> groups = {{"g1", {Entry("a", true), Entry("b", true)}},
                                   {"g2", {Entry("a", true)}},
                                   {"g3", {Entry("a", false), Entry("b", false)}}};
  auto strict = *AggregateGroups(groups, ids, {});
  EXPECT_EQ(strict.any_medal().per_seed, (std::vector<double>{100, 50, 0}));
  EXPECT_DOUBLE_EQ(strict.any_medal().standard_error, 50 / std::sqrt(3.0));
  EXPECT_NEAR(strict.any_medal().ci_upper, 50 + 4.302652729749464 * 50 / std::sqrt(3.0), 1e-9);
  EXPECT_EQ(strict.notes, (std::vector<std::string>{"g2: b is missing, counted as no medal"}));
  std::vector<CompetitionReport> all;
  for (const auto& g : groups) all.insert(all.end(), g.reports.begin(), g.reports.end());
  EXPECT_EQ(AggregateReports(all, ids, {})->any_medal().per_seed, (std::vector<double>{100, 50}));
}

TEST(StrictAggregateTest, OneSeedHasNoStandardError) {
  const std::vector<std::string> ids = {"a"};
  std::vector<SeedGroup> one = {{"g1", {Entry("a", true)}}};
  auto a = *AggregateGroups(one, ids, {});
  EXPECT_TRUE(std::isnan(a.any_medal().standard_error) && std::isnan(a.any_medal().ci_lower));
  EXPECT_FALSE(a.has_spread());
}

TEST(StrictAggregateTest, ReportsOfSeveralSeedsAreRefused) {
  const std::vector<std::string> ids = {"a"};
  std::vector<SeedGroup> groups = {{"g1", {Entry("a", true), Entry("a", false)}}};
  EXPECT_EQ(AggregateGroups(groups, ids, {})->any_medal().mean, 0) << "the last one counts";
  groups[0].reports[0].submission_path = "runs/r/trials/a/x/s0/submission/submission.csv";
  groups[0].reports[1].submission_path = "runs/r/trials/a/x/s1/submission/submission.csv";
  EXPECT_EQ(Reason(AggregateGroups(groups, ids, {}).error()), "mixed_seeds");
  EXPECT_EQ(Reason(AggregateGroups({}, ids, {}).error()), "no_reports");
  EXPECT_EQ(Reason(AggregateGroups(groups, ids, {.seeds = 2}).error()), "too_few_seeds");
}

TEST(StrictAggregateTest, EqualsTheGoldens) {
  fs::path root = tests::GoldenDir() / "aggregate";
  std::error_code ec;
  if (!fs::is_directory(root, ec))
    GTEST_SKIP() << "the golden aggregates are not beside this checkout";
  int equal = 0;
  for (const auto& entry : fs::directory_iterator(root)) {
    if (!entry.is_directory()) continue;
    auto expected = *ParseJson(*ReadFile(entry.path() / "expected.json"), "expected");
    std::vector<fs::path> files;
    for (const auto& file : expected["reports"])
      files.push_back(entry.path() / file.get<std::string>());
    auto a = AggregateGroups(*ReadSeedGroups(files),
                             *MleBenchSplit(expected["split"].get<std::string>()), {});
    ASSERT_TRUE(a) << entry.path() << a.error().message;
    const Json& right = expected["strict"]["any_medal_percentage"];
    EXPECT_EQ(a->seeds, right["n"].get<int>()) << entry.path();
    EXPECT_NEAR(a->any_medal().mean, right["mean"].get<double>(), 1e-9) << entry.path();
    EXPECT_EQ(a->has_spread(), !right["standard_error"].is_null()) << entry.path();
    if (a->has_spread()) {
      EXPECT_NEAR(a->any_medal().standard_error, right["standard_error"].get<double>(), 1e-9);
      EXPECT_NEAR(a->any_medal().ci_lower, right["ci95"][0].get<double>(), 1e-6) << entry.path();
      EXPECT_NEAR(a->any_medal().ci_upper, right["ci95"][1].get<double>(), 1e-6) << entry.path();
    }
    ++equal;
  }
  EXPECT_EQ(equal, 13);
}

}  // namespace
}  // namespace podium::scoring
