#include "harness/report/forecast.h"

#include <gmock/gmock.h>

#include <cmath>
#include <random>

namespace podium::harness {
namespace {

TEST(ForecastTest, IsTheFormulaAtAHandComputedPoint) {
  // 2, 4, 6: mean 4, variance 4, n 3; two to come: 8, variance 4 x (2 + 4/3), t(0.99, 2) = 6.9646.
  auto f = ForecastSum({{"a", 2}, {"a", 4}, {"a", 6}}, {{"a", 2, std::nullopt}});
  ASSERT_TRUE(f);
  EXPECT_DOUBLE_EQ(f->expected, 8);
  EXPECT_NEAR(f->high - 8, 6.96456 * std::sqrt(4 * (2 + 4.0 / 3)), 1e-3);
  EXPECT_EQ(f->low, 0) << "no trial takes less than nothing";
  EXPECT_EQ(f->samples, 3);
  f = ForecastSum({{"a", 2}, {"a", 4}, {"a", 6}}, {{"a", 2, 5.0}});
  EXPECT_EQ(f->high, 10) << "nor more than it may";
}

TEST(ForecastTest, GroupsHaveMeansOfTheirOwn) {
  auto f = ForecastSum({{"a", 1}, {"a", 1}, {"b", 10}, {"b", 10}}, {{"a", 3, {}}, {"b", 1, {}}});
  ASSERT_TRUE(f);
  EXPECT_DOUBLE_EQ(f->expected, 13);
  EXPECT_DOUBLE_EQ(f->low, 13);
  EXPECT_DOUBLE_EQ(f->high, 13);
  // One that nothing is known of is as all are together.
  f = ForecastSum({{"a", 1}, {"a", 1}, {"b", 10}, {"b", 10}}, {{"c", 2, {}}});
  EXPECT_DOUBLE_EQ(f->expected, 11);
}

TEST(ForecastTest, NothingIsSaidOfOneTrial) {
  EXPECT_FALSE(ForecastSum({{"a", 1}}, {{"a", 3, {}}}));
}

// 20 trials of up to $0.50 each, skewed as costs are, looked at when half have ended.
TEST(ForecastTest, HoldsInNinetyFiveOfAHundredSimulatedRuns) {
  std::mt19937_64 random(20261130);
  std::lognormal_distribution<double> cost(-2, 0.8);
  constexpr int kRuns = 1000;
  int held = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<Sample> ended;
    double rest = 0;
    for (int i = 0; i < 20; ++i) {
      double amount = std::min(0.5, cost(random));
      if (i < 10)
        ended.push_back({"a", amount});
      else
        rest += amount;
    }
    auto f = ForecastSum(ended, {{"a", 10, 0.5}});
    ASSERT_TRUE(f);
    held += f->low <= rest && rest <= f->high;
  }
  EXPECT_GE(held, 950);
  EXPECT_LT(held, 1000) << "an interval that always holds says nothing";
}

}  // namespace
}  // namespace podium::harness
