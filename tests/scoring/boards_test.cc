#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/files.h"
#include "base/text.h"
#include "scoring/boards/mle_bench_board.h"
#include "tables/board.h"
#include "tables/pandas_number.h"
#include "tests/scoring/goldens.h"

namespace podium::scoring {
namespace {

std::string Refusal(std::string_view csv) {
  auto board = ReadBoard(csv);
  return board ? "" : board.error().message;
}

TEST(PandasNumberTest, ReadsDecimalsExponentsAndSigns) {
  EXPECT_EQ(PandasDefaultNumber("0.98147"), 0.98147);
  EXPECT_EQ(PandasDefaultNumber(" -2.875 "), -2.875);
  EXPECT_EQ(PandasDefaultNumber("+1e-3"), 1e-3);
  EXPECT_EQ(PandasDefaultNumber(".5"), 0.5);
  EXPECT_EQ(PandasDefaultNumber("5."), 5.0);
  EXPECT_EQ(PandasDefaultNumber("1E2"), 100.0);
  EXPECT_EQ(PandasDefaultNumber("0e400"), 0.0);
  for (const char* bad : {"", "x", "1x", "1e", "e5", "0x10", "1 2", "--1", "1e400", "inf", "1,5"})
    EXPECT_FALSE(PandasDefaultNumber(bad)) << bad;
}

// The seventeenth digit is the last that counts, zeros before the first included; a correctly
// rounded reader gives 0.9953435599014078 for the first of these.
TEST(PandasNumberTest, LongDecimalsAreOffInTheLastPlace) {
  EXPECT_EQ(PandasDefaultNumber("0.00046300135850319905"),
            PandasDefaultNumber("0.0004630013585031"));
  EXPECT_NE(PandasDefaultNumber("0.00046300135850319905"), 0.00046300135850319905);
  EXPECT_NEAR(*PandasDefaultNumber("0.9953435599014078"), 0.9953435599014078, 1e-15);
}

TEST(BoardTest, TellsTheFourFormatsApart) {
  auto format = [](std::string_view csv) {
    auto board = ReadBoard(csv);
    return board ? std::string(BoardFormatText(board->format)) + " " +
                       std::to_string(board->scores.size())
                 : board.error().message;
  };
  EXPECT_EQ(format("score,count,kind,source,verified\n0.5,3,published-result,x,no\n"), "podium 3");
  EXPECT_EQ(format("scoreNullable,teamId,hasTeamName,submissionDate,score,hasScore\n"
                   "0.9,11,True,2020-01-01,0.9,True\n0.8,12,True,2020-01-02,0.8,True\n"),
            "mle-bench 2");
  EXPECT_EQ(format("\xEF\xBB\xBFRank,TeamId,TeamName,LastSubmissionDate,Score,SubmissionCount\n"
                   "1,7,\"A, B\",2020-01-01 00:00:00,0.9,4\n"),
            "kaggle 1");
  EXPECT_EQ(format("rank,score\n1,0.9\n2,0.8\n"), "rank-score 2");
}

TEST(BoardTest, KeepsTheFilesOrderAndItsBlanks) {
  auto board = ReadBoard("rank,score\n1,0.5\n2,0.9\n3,\n4,NA\n");
  ASSERT_TRUE(board);
  ASSERT_EQ(board->scores.size(), 4u);
  EXPECT_EQ(board->scores[1], 0.9);
  EXPECT_TRUE(std::isnan(board->scores[2]) && std::isnan(board->scores[3]));
}

TEST(BoardTest, RefusalsSayWhatTheFileIs) {
  EXPECT_NE(Refusal("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 30501\n")
                .find("Git-LFS pointer, not the file (30501 bytes)"),
            std::string::npos);
  EXPECT_NE(Refusal("<!doctype html><html>").find("web page"), std::string::npos);
  EXPECT_NE(
      Refusal("TeamId,TeamName,SubmissionDate,Score\n1,a,2020,0.1\n2,b,2020,0.2\n1,a,2021,0.3\n")
          .find("line 4 of the leaderboard: team 1 is there twice"),
      std::string::npos);
  EXPECT_NE(Refusal("rank,points\n1,2\n").find("its columns: rank, points"), std::string::npos);
  EXPECT_NE(Refusal("rank,score\n1,0.5\n2,abc\n").find("line 3"), std::string::npos);
  EXPECT_NE(Refusal("score,count\n0.5,99999999999\n").find("more than"), std::string::npos);
  EXPECT_FALSE(Refusal("score,count\n0.5,0\n").empty());
  EXPECT_FALSE(Refusal("rank,score\n").empty());
  EXPECT_FALSE(Refusal("").empty());
}

TEST(BoardTest, CompressedAndWideTextAreNamed) {
  EXPECT_NE(Refusal(std::string_view("\x1F\x8B\x08\0\0", 5)).find("gzip"), std::string::npos);
  EXPECT_NE(Refusal(std::string_view("\xFF\xFEs\0c\0", 6)).find("UTF-16"), std::string::npos);
}

TEST(BoardTest, StrictWantsAScoreInEveryLineAndMoreThanOne) {
  auto strict = [](std::string_view csv) {
    auto board = ReadBoard(csv, BoardRules::kStrict);
    return board ? "" : board.error().message;
  };
  EXPECT_EQ(strict("rank,score\n1,0.5\n2,0.9\n"), "");
  EXPECT_EQ(strict("rank,score\n1,0.5\n"), "") << "one entry is no pattern";
  EXPECT_NE(strict("rank,score\n1,0.5\n2,\n").find("line 3 of the leaderboard has no score"),
            std::string::npos);
  EXPECT_NE(strict("rank,score\n1,0\n2,0.00000\n").find("same score, 0"), std::string::npos);
  EXPECT_TRUE(AllEqual(*ReadBoard("score,count\n0.5,3\n")));
  EXPECT_FALSE(AllEqual(*ReadBoard("rank,score\n1,\n2,\n"))) << "missing scores equal nothing";
}

TEST(BoardTest, ThePageOfTwentyIsNotTheBoard) {
  std::string csv = "scoreNullable,teamId,hasTeamName,submissionDate,score,hasScore\n";
  for (int i = 0; i < 20; ++i) csv += ",,True,,0.5,True\n";
  EXPECT_FALSE(CheckWholeBoard(*ReadBoard(csv), 0));
  csv = "rank,score\n";
  for (int i = 1; i <= 20; ++i) csv += std::to_string(i) + ",0.5\n";
  auto dojo = *ReadBoard(csv);
  EXPECT_TRUE(CheckWholeBoard(dojo, 0));   // a small contest
  EXPECT_TRUE(CheckWholeBoard(dojo, 20));  // which is known to be small
  auto refused = CheckWholeBoard(dojo, 1221);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("about 1221"), std::string::npos);
  dojo.scores.pop_back();
  EXPECT_TRUE(CheckWholeBoard(dojo, 1221));
}

TEST(MleBenchBoardTest, DirectionIsFirstBelowLast) {
  auto lower = [](std::vector<double> scores) {
    return MleBenchBoard::From(std::move(scores))->lower_is_better();
  };
  EXPECT_TRUE(lower({0.1, 0.9, 0.2}));
  EXPECT_FALSE(lower({0.2, 0.9, 0.1}));
  EXPECT_FALSE(lower({0.5, 0.5}));                // flat: higher is better
  EXPECT_FALSE(lower({0.1, 0.5, std::nan("")}));  // no comparison with a missing score holds
  EXPECT_FALSE(MleBenchBoard::From({}));
}

TEST(MleBenchBoardTest, AFlatBoardGivesGoldThatIsNotAboveTheMedian) {
  auto board = *MleBenchBoard::From(std::vector<double>(120, 0.75));
  MedalFlags flags = board.Rank(0.75);
  EXPECT_TRUE(flags.gold && !flags.silver && !flags.bronze && flags.any());
  EXPECT_FALSE(flags.above_median);
}

TEST(MleBenchBoardTest, NoScoreAndNanGetNothing) {
  auto board = *MleBenchBoard::From({3, 2, 1});
  EXPECT_FALSE(board.Rank(std::nullopt).any());
  EXPECT_FALSE(board.Rank(std::nan("")).any());
  EXPECT_FALSE(board.Rank(std::nan("")).above_median);
  EXPECT_TRUE(board.Rank(INFINITY).gold);
}

// "formula a= b= g= d=": score i is (a + b * (i // g)) / d.
std::vector<double> FromFormula(const std::string& text, std::size_t n) {
  std::map<std::string, long> terms;
  for (std::string_view part : Split(text, ' ')) {
    auto equals = part.find('=');
    if (equals != std::string_view::npos)
      terms[std::string(part.substr(0, equals))] = std::stol(std::string(part.substr(equals + 1)));
  }
  std::vector<double> scores;
  for (std::size_t i = 0; i < n; ++i) {
    long top = terms["a"] + terms["b"] * (static_cast<long>(i) / terms["g"]);
    scores.push_back(static_cast<double>(top) / static_cast<double>(terms["d"]));
  }
  return scores;
}

std::vector<double> GoldenScores(const std::vector<std::string>& row) {
  if (row[2].starts_with("formula")) return FromFormula(row[2], std::stoul(row[1]));
  auto csv = ReadFile(tests::GoldenDir() / "boards" / row[2]);
  auto board = csv ? ReadBoard(*csv) : Result<Board>(tl::unexpected(csv.error()));
  EXPECT_TRUE(board) << row[2];
  return board ? board->scores : std::vector<double>{};
}

TEST(MleBenchBoardTest, EqualsEveryGoldenProbe) {
  auto rows = tests::GoldenTable("medals.tsv");
  if (rows.empty()) GTEST_SKIP() << "the golden boards are not beside this checkout";
  std::optional<MleBenchBoard> board;
  std::string name;
  int probes = 0;
  for (std::size_t i = 1; i < rows.size(); ++i, ++probes) {
    const auto& row = rows[i];
    if (row[0] != name) board = *MleBenchBoard::From(GoldenScores(row));
    name = row[0];
    const Thresholds& lines = board->thresholds();
    EXPECT_EQ(board->lower_is_better(), row[4] == "1") << name;
    EXPECT_EQ(lines.gold, std::strtod(row[5].c_str(), nullptr)) << name;
    EXPECT_EQ(lines.silver, std::strtod(row[6].c_str(), nullptr)) << name;
    EXPECT_EQ(lines.bronze, std::strtod(row[7].c_str(), nullptr)) << name;
    EXPECT_EQ(lines.median, std::strtod(row[8].c_str(), nullptr)) << name;
    std::optional<double> score;
    if (row[10] != "none") score = std::strtod(row[10].c_str(), nullptr);
    MedalFlags flags = board->Rank(score);
    auto bit = [](bool b) { return std::string(b ? "1" : "0"); };
    std::vector<std::string> seen = {bit(flags.gold), bit(flags.silver), bit(flags.bronze),
                                     bit(flags.any()), bit(flags.above_median)};
    EXPECT_EQ(seen, std::vector<std::string>(row.begin() + 11, row.end())) << name << " " << row[9];
  }
  EXPECT_EQ(probes, 1947);
}

}  // namespace
}  // namespace podium::scoring
