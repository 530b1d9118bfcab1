#include "agents/operators/read_score.h"

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

INSTANTIATE_TEST_SUITE_P(
    WholeOrNotAtAll, ReadScoreTest,
    testing::Values(
        Case{"Validation score: 12,345.678", 12345.678},
        Case{"validation score: 1,234,567", 1234567}, Case{"validation score: 1_000", 1000},
        Case{"validation score: 0.91, 0.93", 0.91}, Case{"validation score: 0,91", std::nullopt},
        Case{"validation score: 1,2345", std::nullopt},
        Case{"validation score: 1.234,56", std::nullopt},
        Case{"validation score: 0.91,0.93", std::nullopt},
        Case{"validation score: 1.2.3", std::nullopt},
        Case{"validation score: 17/20", std::nullopt},
        Case{"validation score: 2024-01-05", std::nullopt},
        Case{"validation score: 12\xE2\x80\xAF"
             "345",
             std::nullopt},
        Case{"validation score: 9.1 x 10^-1", std::nullopt}, Case{"validation score: 9.1e-1", 0.91},
        Case{"validation score: 91.5 %", 0.915}, Case{"{'validation_score': np.float64(0.9)}", 0.9},
        Case{"{\"validation_score\": \"0.9\"}", 0.9},
        Case{"validation score: tensor(0.9, device='cuda:0')", 0.9},
        Case{"Validation score: \xE2\x88\x92"
             "0.25",
             -0.25},
        Case{"Validation score: \x1b[32m0.9\x1b[0m", 0.9},
        Case{"step 1\rvalidation score: 0.9\r", 0.9},
        Case{"validation score: 0.9 (best validation score)", 0.9},
        Case{"accuracy: 0.9\nvalidation score: 12,34", std::nullopt},
        Case{"AUC: 0.8\nvalidation score: nan", std::nullopt}));

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
  EXPECT_TRUE(NumberIsPrinted("got 12,345.678 here", 12345.678));
  EXPECT_FALSE(NumberIsPrinted("got 12,345.678 here", 12)) << "a part of a number is none";
  EXPECT_FALSE(NumberIsPrinted("got 12,345.678 here", 345.678));
  EXPECT_TRUE(
      NumberIsPrinted("got \xE2\x88\x92"
                      "0.25",
                      -0.25));
  EXPECT_TRUE(NumberIsPrinted("took 0.8312s", 0.8312));
}

}  // namespace
}  // namespace podium::agents
