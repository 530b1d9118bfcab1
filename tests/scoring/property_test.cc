// What must hold of every metric of the catalogue, on random inputs (fixed seeds).

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "tests/scoring/property_cases.h"

namespace podium::scoring {
namespace {

using tests::Combine;
using tests::MetricCase;
using tests::MetricProperties;

constexpr std::size_t kRows = 48;
constexpr int kTrials = 5;

class MetricPropertyTest : public testing::TestWithParam<MetricProperties> {
 protected:
  double Score(const MetricCase& c, const Frame& predicted, const Frame& truth) const {
    auto metric = FindMetric(GetParam().metric);
    EXPECT_TRUE(metric);
    auto score = (*metric)->score({predicted, truth, c.targets, c.params});
    EXPECT_TRUE(score) << score.error().code << " " << score.error().detail;
    return score.value_or(std::nan(""));
  }
  double Score(const MetricCase& c) const { return Score(c, c.predicted, c.truth); }

  template <class Check>
  void EachTrial(const Check& check) const {
    for (int seed = 1; seed <= kTrials; ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      std::mt19937 rng(static_cast<std::uint32_t>(seed));
      MetricCase c = GetParam().make(rng, kRows);
      check(c, rng);
    }
  }
};

// Those of which a property holds.
class DoubledRowsTest : public MetricPropertyTest {};
class BoundedMetricTest : public MetricPropertyTest {};
class LabelMetricTest : public MetricPropertyTest {};
class MeanMetricTest : public MetricPropertyTest {};

std::vector<RowIndex> Range(std::size_t begin, std::size_t end) {
  std::vector<RowIndex> rows(end - begin);
  std::iota(rows.begin(), rows.end(), static_cast<RowIndex>(begin));
  return rows;
}

void ExpectClose(double a, double b) { EXPECT_NEAR(a, b, 1e-12 * std::max(1.0, std::abs(a))); }

TEST_P(MetricPropertyTest, TheOrderOfRowsDoesNotMatter) {
  EachTrial([&](const MetricCase& c, std::mt19937& rng) {
    auto rows = Range(0, c.truth.rows);
    std::shuffle(rows.begin(), rows.end(), rng);
    ExpectClose(Score(c), Score(c, c.predicted.Take(rows), c.truth.Take(rows)));
  });
}

TEST_P(DoubledRowsTest, EveryRowTwiceWeighsAsOnce) {
  EachTrial([&](const MetricCase& c, std::mt19937&) {
    auto rows = Range(0, c.truth.rows);
    auto again = rows;
    rows.insert(rows.end(), again.begin(), again.end());
    ExpectClose(Score(c), Score(c, c.predicted.Take(rows), c.truth.Take(rows)));
  });
}

TEST_P(MetricPropertyTest, ThePerfectPredictionHasTheBestValue) {
  EachTrial([&](const MetricCase& c, std::mt19937&) {
    double best = Score(c, c.perfect, c.truth);
    double tolerance = GetParam().metric == "angular_error" ? 1e-7 : 1e-12;
    EXPECT_NEAR(best, GetParam().best, tolerance);
    double other = Score(c);
    bool lower = (*FindMetric(GetParam().metric))->lower_is_better;
    EXPECT_TRUE(lower ? other >= best : other <= best) << other << " is better than " << best;
  });
}

TEST_P(BoundedMetricTest, NothingPassesTheWorstValue) {
  EachTrial([&](const MetricCase& c, std::mt19937&) {
    double score = Score(c);
    bool lower = (*FindMetric(GetParam().metric))->lower_is_better;
    EXPECT_TRUE(lower ? score <= GetParam().worst : score >= GetParam().worst) << score;
  });
}

// The column with its values renamed by `name`, kept whole.
Frame Renamed(const Frame& frame, const auto& name) {
  Frame out = frame;
  for (double& value : out.columns[0].floats) value = name(value);
  return out;
}

TEST_P(LabelMetricTest, NamesOfLabelsDoNotMatter) {
  using Labels = MetricProperties::Labels;
  bool any = GetParam().labels == Labels::kAnyNames;
  EachTrial([&](const MetricCase& c, std::mt19937&) {
    auto name = [&](double v) { return any ? std::fmod(v * 3 + 2, 5) * 1000 - 7 : v * v * 10 + 3; };
    ExpectClose(Score(c), Score(c, Renamed(c.predicted, name), Renamed(c.truth, name)));
  });
}

TEST_P(MeanMetricTest, PartsCombineToTheWhole) {
  Combine how = GetParam().combine;
  EachTrial([&](const MetricCase& c, std::mt19937&) {
    double sum = 0;
    std::size_t cut = c.truth.rows / 3;
    for (auto [begin, end] : {std::pair{std::size_t{0}, cut}, std::pair{cut, c.truth.rows}}) {
      auto rows = Range(begin, end);
      double part = Score(c, c.predicted.Take(rows), c.truth.Take(rows));
      sum += (how == Combine::kMean ? part : part * part) * static_cast<double>(rows.size());
    }
    double whole = sum / static_cast<double>(c.truth.rows);
    ExpectClose(Score(c), how == Combine::kMean ? whole : std::sqrt(whole));
  });
}

std::vector<MetricProperties> Where(bool (*holds)(const MetricProperties&)) {
  std::vector<MetricProperties> some;
  std::ranges::copy_if(tests::AllProperties(), std::back_inserter(some), holds);
  return some;
}

const auto kName = [](const auto& entry) { return std::string(entry.param.metric); };
INSTANTIATE_TEST_SUITE_P(Catalogue, MetricPropertyTest, testing::ValuesIn(tests::AllProperties()),
                         kName);
INSTANTIATE_TEST_SUITE_P(Catalogue, DoubledRowsTest, testing::ValuesIn(Where([](const auto& p) {
                           return p.doubled_rows_equal;
                         })),
                         kName);
INSTANTIATE_TEST_SUITE_P(Catalogue, BoundedMetricTest, testing::ValuesIn(Where([](const auto& p) {
                           return !std::isnan(p.worst);
                         })),
                         kName);
INSTANTIATE_TEST_SUITE_P(Catalogue, LabelMetricTest, testing::ValuesIn(Where([](const auto& p) {
                           return p.labels != MetricProperties::Labels::kNone;
                         })),
                         kName);
INSTANTIATE_TEST_SUITE_P(Catalogue, MeanMetricTest, testing::ValuesIn(Where([](const auto& p) {
                           return p.combine != Combine::kNone;
                         })),
                         kName);

TEST(MetricPropertiesTest, EveryMetricHasAnEntry) {
  std::vector<std::string_view> names;
  for (const auto& entry : tests::AllProperties()) names.push_back(entry.metric);
  std::vector<std::string_view> catalogue;
  for (const Metric& metric : Metrics()) catalogue.push_back(metric.name);
  EXPECT_EQ(names, catalogue);
}

}  // namespace
}  // namespace podium::scoring
