#include <gtest/gtest.h>

#include "base/life.h"
#include "scoring/metric.h"

namespace podium::scoring {
namespace {

Column Numbers(std::string name, const std::vector<double>& values) {
  Column column{.name = std::move(name), .dtype = DType::kFloat64};
  column.floats = values;
  return column;
}

Graded<double> ScoreFrames(std::string_view metric, const Frame& predicted, const Frame& truth,
                           const std::vector<std::string>& targets, const MetricParams& params) {
  auto found = FindMetric(metric);
  if (!found) return TaskFault("no_metric", found.error().message);
  return (*found)->score({predicted, truth, targets, params});
}

// One column "y" of predictions against one of answers.
Graded<double> Score(std::string_view metric, const std::vector<double>& predicted,
                     const std::vector<double>& truth, const MetricParams& params = {}) {
  Frame submission;
  submission.rows = predicted.size();
  submission.columns.push_back(Numbers("y", predicted));
  Frame answers;
  answers.rows = truth.size();
  answers.columns.push_back(Numbers("y", truth));
  return ScoreFrames(metric, submission, answers, {"y"}, params);
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
  EXPECT_FALSE(Score("roc_auc", {0.1, 0.2, 0.3}, {1, 2, 3}));
}

TEST(TopKHitsTest, CountsPositivesAboveTheLine) {
  EXPECT_EQ(Score("top_k_hits", {9, 8, 7, 1}, {1, 0, 1, 1}, {{"k", 2.0}}).value(), 1);
  EXPECT_EQ(Score("top_k_hits", {9, 8, 7, 1}, {1, 0, 1, 1}, {{"k", 4.0}}).value(), 3);
}

TEST(TopKHitsTest, TiesAtTheLineCountByTheirShare) {
  // One place is left for three tied rows, two of them positive.
  EXPECT_DOUBLE_EQ(Score("top_k_hits", {9, 5, 5, 5, 1}, {1, 1, 1, 0, 1}, {{"k", 2.0}}).value(),
                   1 + 2.0 / 3);
  // A constant submission gets what chance gets.
  EXPECT_DOUBLE_EQ(Score("top_k_hits", {0, 0, 0, 0}, {1, 0, 0, 0}, {{"k", 2.0}}).value(), 0.5);
}

TEST(TopKHitsTest, NeedsItsParameter) {
  EXPECT_FALSE(Score("top_k_hits", {1, 2}, {0, 1}));
  EXPECT_FALSE(Score("top_k_hits", {1, 2}, {0, 1}, {{"k", 3.0}}));
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
  Frame submission;
  Frame answers;
  LifeCase() {
    submission.rows = answers.rows = 1;
    answers.columns.push_back(Numbers("delta", {1}));
    for (int i = 0; i < 625; ++i) {
      submission.columns.push_back(Numbers("start_" + std::to_string(i), {0}));
      answers.columns.push_back(Numbers("stop_" + std::to_string(i), {0}));
    }
  }
  void Stop(int cell) { answers.columns[1 + static_cast<std::size_t>(cell)].floats[0] = 1; }
  void Start(int cell) { submission.columns[static_cast<std::size_t>(cell)].floats[0] = 1; }
  Graded<double> Score() const {
    return ScoreFrames("life_forward_mae", submission, answers, {}, {});
  }
};

TEST(LifeForwardMaeTest, ABlinkerOverTheEdgeTurns) {
  LifeCase c;
  for (int cell : {24, 0, 1}) c.Start(cell);   // row 0, columns 24, 0, 1
  for (int cell : {600, 0, 25}) c.Stop(cell);  // column 0, rows 24, 0, 1
  EXPECT_EQ(c.Score().value(), 0);
  c.answers.columns[0].floats[0] = 2;  // after two steps it lies again: four cells differ
  EXPECT_DOUBLE_EQ(c.Score().value(), 4.0 / 625);
}

TEST(LifeForwardMaeTest, OtherColumnsAreTheTasksFault) {
  LifeCase c;
  c.answers.columns[1].name = "stop_x";
  auto score = c.Score();
  ASSERT_FALSE(score);
  EXPECT_EQ(score.error().kind, Fault::Kind::kTask);
}

}  // namespace
}  // namespace podium::scoring
