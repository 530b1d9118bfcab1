#include <gtest/gtest.h>

#include "base/life.h"
#include "scoring/metric.h"

namespace podium::scoring {
namespace {

// One column "y" of predictions against one of answers.
Result<double> Score(std::string_view metric, const std::vector<double>& predicted,
                     const std::vector<double>& truth,
                     const std::map<std::string, std::int64_t>& params = {}) {
  SubmissionTable table{predicted.size(), 1, predicted};
  std::vector<ColumnRule> columns = {{.name = "y"}};
  AnswerTable answers{{"y"}, truth.size(), truth};
  auto found = FindMetric(metric);
  if (!found) return tl::unexpected(found.error());
  return (*found)->score({table, columns, answers, params});
}

TEST(MetricCatalogueTest, IsSortedAndNamesASuggestion) {
  auto metrics = Metrics();
  for (std::size_t i = 1; i < metrics.size(); ++i) EXPECT_LT(metrics[i - 1].name, metrics[i].name);
  auto wrong = FindMetric("roc_auk");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("Did you mean 'roc_auc'?"), std::string::npos)
      << wrong.error().message;
}

TEST(AccuracyTest, IsTheShareOfEqualClasses) {
  EXPECT_EQ(Score("accuracy", {0, 1, 2, 2}, {0, 1, 1, 2}).value(), 0.75);
  EXPECT_FALSE(Score("accuracy", {}, {}));
}

// Values by scikit-learn 1.2.1's roc_auc_score.
TEST(RocAucTest, EqualsScikitLearn) {
  EXPECT_DOUBLE_EQ(Score("roc_auc", {0.1, 0.4, 0.35, 0.8}, {0, 0, 1, 1}).value(), 0.75);
  EXPECT_DOUBLE_EQ(Score("roc_auc", {0.9, 0.8, 0.2, 0.1}, {0, 0, 1, 1}).value(), 0.0);
}

TEST(RocAucTest, TiedScoresCountHalf) {
  EXPECT_DOUBLE_EQ(Score("roc_auc", {0.5, 0.5, 0.5, 0.5}, {0, 1, 0, 1}).value(), 0.5);
  EXPECT_DOUBLE_EQ(Score("roc_auc", {0.1, 0.5, 0.5, 0.9}, {0, 0, 1, 1}).value(), 0.875);
}

TEST(RocAucTest, OneClassOrOtherLabelsAreTheTasksFault) {
  EXPECT_FALSE(Score("roc_auc", {0.1, 0.2}, {1, 1}));
  EXPECT_FALSE(Score("roc_auc", {0.1, 0.2}, {1, 2}));
}

TEST(TopKHitsTest, CountsPositivesAboveTheLine) {
  EXPECT_EQ(Score("top_k_hits", {9, 8, 7, 1}, {1, 0, 1, 1}, {{"k", 2}}).value(), 1);
  EXPECT_EQ(Score("top_k_hits", {9, 8, 7, 1}, {1, 0, 1, 1}, {{"k", 4}}).value(), 3);
}

TEST(TopKHitsTest, TiesAtTheLineCountByTheirShare) {
  // One place is left for three tied rows, two of them positive.
  EXPECT_DOUBLE_EQ(Score("top_k_hits", {9, 5, 5, 5, 1}, {1, 1, 1, 0, 1}, {{"k", 2}}).value(),
                   1 + 2.0 / 3);
  // A constant submission gets what chance gets.
  EXPECT_DOUBLE_EQ(Score("top_k_hits", {0, 0, 0, 0}, {1, 0, 0, 0}, {{"k", 2}}).value(), 0.5);
}

TEST(TopKHitsTest, NeedsItsParameter) {
  EXPECT_FALSE(Score("top_k_hits", {1, 2}, {0, 1}));
  EXPECT_FALSE(Score("top_k_hits", {1, 2}, {0, 1}, {{"k", 3}}));
}

// The naive rule, cell by cell.
LifeBoard NaiveStep(const LifeBoard& board) {
  LifeBoard next;
  for (int r = 0; r < 25; ++r) {
    for (int c = 0; c < 25; ++c) {
      int alive = 0;
      for (int dr = -1; dr <= 1; ++dr) {
        for (int dc = -1; dc <= 1; ++dc)
          alive += (dr || dc) && board.at((r + dr + 25) % 25 * 25 + (c + dc + 25) % 25);
      }
      if (alive == 3 || (alive == 2 && board.at(r * 25 + c))) next.Set(r * 25 + c);
    }
  }
  return next;
}

TEST(LifeBoardTest, BitwiseStepEqualsTheRuleCellByCell) {
  std::uint32_t state = 12345;
  for (int trial = 0; trial < 200; ++trial) {
    LifeBoard board;
    for (int cell = 0; cell < 625; ++cell) {
      state = state * 1664525 + 1013904223;
      if ((state >> 24) < static_cast<std::uint32_t>(trial + 20)) board.Set(cell);
    }
    EXPECT_EQ(board.Step(), NaiveStep(board)) << "board " << trial;
  }
}

struct LifeCase {
  std::vector<ColumnRule> columns;
  SubmissionTable submission{1, 625, std::vector<double>(625)};
  AnswerTable answers{{"delta"}, 1, {1}};
  std::map<std::string, std::int64_t> params;
  LifeCase() {
    for (int i = 0; i < 625; ++i) {
      columns.push_back({.name = "start_" + std::to_string(i)});
      answers.names.push_back("stop_" + std::to_string(i));
      answers.values.push_back(0);
    }
  }
  void Stop(int cell) { answers.values[1 + static_cast<std::size_t>(cell)] = 1; }
  void Start(int cell) { submission.values[static_cast<std::size_t>(cell)] = 1; }
  Result<double> Score() const { return LifeForwardMae({submission, columns, answers, params}); }
};

TEST(LifeForwardMaeTest, ABlinkerOverTheEdgeTurns) {
  LifeCase c;
  for (int cell : {24, 0, 1}) c.Start(cell);   // row 0, columns 24, 0, 1
  for (int cell : {600, 0, 25}) c.Stop(cell);  // column 0, rows 24, 0, 1
  EXPECT_EQ(c.Score().value(), 0);
  c.answers.values[0] = 2;  // after two steps it lies again: four cells differ
  EXPECT_DOUBLE_EQ(c.Score().value(), 4.0 / 625);
}

TEST(LifeForwardMaeTest, OtherColumnsAreTheTasksFault) {
  LifeCase c;
  c.answers.names[1] = "stop_x";
  EXPECT_FALSE(c.Score());
}

}  // namespace
}  // namespace podium::scoring
