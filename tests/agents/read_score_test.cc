#include "agents/scaffolds/read_score.h"

#include <gtest/gtest.h>

namespace podium::agents {
namespace {

struct Case {
  const char* output;
  std::optional<double> score;
};

class ReadScoreTest : public testing::TestWithParam<Case> {};

TEST_P(ReadScoreTest, FindsWhatWasPrintedAndNothingElse) {
  EXPECT_EQ(ScoreFromOutput(GetParam().output), GetParam().score) << GetParam().output;
}

INSTANTIATE_TEST_SUITE_P(
    Outputs, ReadScoreTest,
    testing::Values(Case{"validation score: 0.91\n", 0.91}, Case{"Validation Score = 1e-2", 0.01},
                    Case{"validation_score: [0.5]", 0.5}, Case{"Validation score is 0.7", 0.7},
                    Case{"Final validation score (RMSE): 12.5", 12.5},
                    Case{"validation score: 91.5%", 0.915}, Case{"validation score: -0.25", -0.25},
                    Case{"fold 1 validation score: 0.1\nvalidation score: 0.3\n", 0.3},
                    Case{"AUC: 0.8\nvalidation score: 0.6\naccuracy: 0.9\n", 0.6},
                    Case{"mean score: 0.4\nscore: 0.9\n", 0.4}, Case{"ROC AUC: 0.83", 0.83},
                    Case{"validation score: nan", std::nullopt},
                    Case{"validation score: inf", std::nullopt},
                    Case{"validation score: unknown", std::nullopt},
                    Case{"loaded 10 rows", std::nullopt},
                    Case{"validation score: 3rd", std::nullopt}, Case{"", std::nullopt}));

TEST(FailureLineTest, IsTheExceptionsOwnLine) {
  EXPECT_EQ(FailureLine("Traceback (most recent call last):\n  File \"x.py\", line 1\n    f()\n"
                        "ValueError: names differ\nunseen:\n- a\n- ...\n"),
            "ValueError: names differ");
  EXPECT_EQ(FailureLine("Traceback (most recent call last):\n  File\nKeyError: 'a'\n\nDuring "
                        "handling\n\nTraceback (most recent call last):\n  File\nOSError: b\n"),
            "OSError: b");
  EXPECT_EQ(FailureLine("one\nKilled\n"), "Killed");
  EXPECT_EQ(FailureLine(""), "");
}

TEST(NumberIsPrintedTest, TellsAReadNumberFromAnInventedOne) {
  EXPECT_TRUE(NumberIsPrinted("result 0.8312 after 10 rounds", 0.8312));
  EXPECT_TRUE(NumberIsPrinted("result 0.83123456", 0.83123));
  EXPECT_TRUE(NumberIsPrinted("loss -1.5", -1.5));
  EXPECT_FALSE(NumberIsPrinted("loss 1.5", -1.5));
  EXPECT_FALSE(NumberIsPrinted("result 0.8312", 0.95));
  EXPECT_FALSE(NumberIsPrinted("v1.95", 0.95));
  EXPECT_FALSE(NumberIsPrinted("", 0));
}

}  // namespace
}  // namespace podium::agents
