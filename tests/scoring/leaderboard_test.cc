#include "scoring/leaderboard.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/files.h"
#include "base/text.h"

namespace podium::scoring {
namespace {

namespace fs = std::filesystem;

Leaderboard Board(const std::string& rows, bool lower) {
  return *Leaderboard::FromCsv("score,count\n" + rows, lower);
}

// Ranks by the table of MLE-bench's rank_score.
TEST(MedalRanksTest, FollowTheSizeOfTheBoard) {
  auto ranks = [](std::size_t n) {
    MedalRanks r = RanksOf(n);
    return std::vector<std::size_t>{r.gold, r.silver, r.bronze};
  };
  EXPECT_EQ(ranks(1), (std::vector<std::size_t>{1, 1, 1}));
  EXPECT_EQ(ranks(19), (std::vector<std::size_t>{1, 3, 7}));
  EXPECT_EQ(ranks(99), (std::vector<std::size_t>{9, 19, 39}));
  EXPECT_EQ(ranks(100), (std::vector<std::size_t>{10, 20, 40}));
  EXPECT_EQ(ranks(249), (std::vector<std::size_t>{10, 49, 99}));
  EXPECT_EQ(ranks(250), (std::vector<std::size_t>{10, 50, 100}));
  EXPECT_EQ(ranks(999), (std::vector<std::size_t>{11, 50, 100}));
  EXPECT_EQ(ranks(1000), (std::vector<std::size_t>{12, 50, 100}));
  EXPECT_EQ(ranks(3999), (std::vector<std::size_t>{17, 199, 399}));
}

TEST(LeaderboardTest, MedalsIncludeTheLineAndTheMedianDoesNot) {
  Leaderboard board = Board("10,1\n9,1\n8,1\n7,1\n6,1\n5,1\n4,1\n3,1\n2,1\n1,1\n", false);
  EXPECT_EQ(board.Place(10).medal, Medal::kGold);
  EXPECT_EQ(board.Place(9).medal, Medal::kSilver);
  EXPECT_EQ(board.Place(7).medal, Medal::kBronze);
  EXPECT_EQ(board.Place(6.9).medal, Medal::kNone);
  EXPECT_TRUE(board.Place(5.6).above_median);
  EXPECT_FALSE(board.Place(5.5).above_median);
}

TEST(LeaderboardTest, LowerIsBetterTurnsEverything) {
  Leaderboard board = Board("0.1,1\n0.2,2\n0.5,1\n0.9,1\n", true);
  Standing best = board.Place(0.05);
  EXPECT_EQ(best.medal, Medal::kGold);
  EXPECT_EQ(best.rank, 1u);
  EXPECT_DOUBLE_EQ(best.percentile, 1);
  Standing tied = board.Place(0.2);
  EXPECT_EQ(tied.rank, 2u);
  EXPECT_DOUBLE_EQ(tied.percentile, (2 + 1.0) / 5);  // two are worse, two equal count half
  EXPECT_EQ(board.Place(1).rank, 6u);
}

TEST(LeaderboardTest, FileOrderDoesNotMatter) {
  EXPECT_EQ(Board("1,1\n3,1\n2,1\n", false).thresholds().median, 2);
  EXPECT_EQ(Board("1,1\n3,1\n2,1\n", false).thresholds().gold, 3);
}

TEST(LeaderboardTest, TheUnroundedLineMeetsTheRoundedScore) {
  Leaderboard board = Board("0.8333333,1\n0.5,9\n", false);
  EXPECT_NE(board.Place(RoundScore(0.8333333)).medal,
            Medal::kGold);  // rounding took it below the line
  EXPECT_EQ(board.Place(0.83334).medal, Medal::kGold);
}

// numpy.round(x, 5), numpy 1.24.2.
TEST(RoundScoreTest, EqualsNumpy) {
  EXPECT_EQ(RoundScore(0.123455), 0.12346);
  EXPECT_EQ(RoundScore(2.5e-6), 0.0);
  EXPECT_EQ(RoundScore(0.999995), 1.0);
  EXPECT_EQ(RoundScore(-2.875092), -2.87509);
}

TEST(LeaderboardTest, DamagedBoardsAreErrorsWithTheirLine) {
  for (const char* rows : {"", "x,1\n", "1,0\n", "1,1.5\n", "nan,1\n", "1\n", "1,99999999999\n"}) {
    EXPECT_FALSE(Leaderboard::FromCsv(std::string("score,count\n") + rows, false)) << rows;
  }
  auto bad = Leaderboard::FromCsv("score,count\n1,1\nx,1\n", false);
  EXPECT_NE(bad.error().message.find("line 3"), std::string::npos) << bad.error().message;
  EXPECT_FALSE(Leaderboard::FromCsv("points,count\n1,1\n", false));
}

// The medal lines of Kaggle's private boards as mle-bench's own rule computed them.
TEST(LeaderboardTest, EqualsMleBenchOnEveryStoredBoard) {
  fs::path shared = fs::path(PODIUM_SOURCE_DIR).parent_path() / "shared" / "leaderboards";
  auto table = ReadFile(shared / "medals.tsv");
  if (!table) GTEST_SKIP() << "the stored leaderboards are not beside this checkout";
  int checked = 0;
  for (auto line : Split(*table, '\n')) {
    auto cells = Split(line, '\t');
    if (cells.size() < 11 || cells[0] == "competition") continue;
    auto csv = ReadFile(shared / "private" / (std::string(cells[0]) + ".csv"));
    ASSERT_TRUE(csv) << cells[0];
    std::string board = "score,count\n";
    for (auto row : Split(*csv, '\n')) {
      auto comma = row.find(',');
      if (comma == std::string_view::npos || row.starts_with("rank")) continue;
      board += std::string(Trim(row.substr(comma + 1))) + ",1\n";
    }
    auto parsed = Leaderboard::FromCsv(board, cells[4] == "lower");
    ASSERT_TRUE(parsed) << cells[0] << ": " << parsed.error().message;
    Thresholds t = parsed->thresholds();
    auto number = [&](std::size_t i) { return std::stod(std::string(cells[i])); };
    EXPECT_EQ(parsed->rows(), static_cast<std::size_t>(number(3))) << cells[0];
    EXPECT_DOUBLE_EQ(t.gold, number(5)) << cells[0];
    EXPECT_DOUBLE_EQ(t.silver, number(6)) << cells[0];
    EXPECT_DOUBLE_EQ(t.bronze, number(7)) << cells[0];
    EXPECT_NEAR(t.median, number(8), 1e-9 * std::max(1.0, std::abs(t.median))) << cells[0];
    ++checked;
  }
  EXPECT_GT(checked, 190);
}

}  // namespace
}  // namespace podium::scoring
