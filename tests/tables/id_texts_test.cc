#include "tables/id_texts.h"

#include <gtest/gtest.h>

#include "tables/strict_table.h"

namespace podium {
namespace {

const std::vector<std::string> kId = {"id"};

// The submission's rows, or what does not match.
std::string Match(const std::string& submission, const std::string& answers,
                  const std::vector<std::string>& names = kId) {
  auto mine = *ReadPandasCsv(submission, StrictOptions({}));
  auto theirs = *ReadPandasCsv(answers, StrictOptions({}));
  IdMatching match = MatchIds({mine, names, submission}, {theirs, names, answers});
  if (match.empty) return "empty " + std::to_string(*match.empty);
  if (match.repeated) return "repeated " + std::to_string(*match.repeated);
  if (match.missing) return "missing " + std::to_string(match.missing_count);
  std::string out;
  for (std::size_t row : match.rows) out += std::to_string(row);
  return out + (match.extra ? " extra " + std::to_string(match.extra_count) : "");
}

TEST(IdValueTest, IsTheShortestTextOfANumber) {
  for (const char* same : {"7", "007", "7.0", "+7", " 7 ", "7e0", "0.7e1"})
    EXPECT_EQ(IdValue(same), "7") << same;
  EXPECT_EQ(IdValue("1e+06"), "1000000");
  EXPECT_EQ(IdValue("-0"), "0");
  EXPECT_EQ(IdValue("1.50"), "1.5");
  EXPECT_EQ(IdValue("9007199254740993"), "9007199254740993");
  for (const char* text :
       {"", "a", "0x10", "1_000", "nan", "inf", "1e400", "9007199254740993.0", "1 2", " a "})
    EXPECT_EQ(IdValue(text), text);
}

TEST(MatchIdsTest, AFileWithTheAnswersOwnIdsAlwaysMatches) {
  for (const char* ids : {"id,y\n1e1,0\n10,0\n2e1,0\n1e5,0\n", "id,y\n007,0\n7,0\n7.0,0\n8,0\n",
                          "id,y\nNA,0\nnull,0\nnan,0\nTrue,0\n", "id,y\n1,0\n01,0\n1.5,0\n 1,0\n"})
    EXPECT_EQ(Match(ids, ids), "0123") << ids;
}

TEST(MatchIdsTest, ValuesAreComparedOnlyWhereTheAnswersAllDiffer) {
  EXPECT_EQ(Match("id\n31.0\n32.0\n", "id\n32\n31\n"), "10");
  EXPECT_EQ(Match("id\n7\n8\n", "id\n007\n008\n"), "01");
  EXPECT_EQ(Match("id\n1e+06\n2\n", "id\n1000000\n2\n"), "01");
  // Here 7 may be either of two.
  EXPECT_EQ(Match("id\n7\n7.0\n", "id\n007\n07\n"), "missing 2");
}

TEST(MatchIdsTest, TextComesFirst) {
  EXPECT_EQ(Match("id\n10\n1e1\n", "id\n1e1\n10\n"), "10");
  EXPECT_EQ(Match("id\n7\n7.0\n8\n", "id\n7\n8\n"), "repeated 1");
}

TEST(MatchIdsTest, ForeignAndMissingAndEmptyIdsAreFound) {
  EXPECT_EQ(Match("id\n1\n2\n9\n", "id\n1\n2\n"), "01 extra 1");
  EXPECT_EQ(Match("id\n1\n9\n9\n", "id\n1\n2\n"), "repeated 2");
  EXPECT_EQ(Match("id,y\n1,0\n,0\n", "id\n1\n2\n"), "empty 1");
  EXPECT_EQ(Match("id\n1\n", "id\n1\n2\n3\n"), "missing 2");
}

TEST(MatchIdsTest, PartsOfAnIdAreKeptApart) {
  EXPECT_EQ(Match("a,b\n1,23\n12,3\n", "a,b\n12,3\n1,23\n", {"a", "b"}), "10");
  EXPECT_EQ(Match("a,b\n1.0,x\n2,x\n", "a,b\n1,x\n02,x\n", {"a", "b"}), "01");
}

// Large whole numbers are not what a double makes of them.
TEST(MatchIdsTest, LongNumbersAreNotRounded) {
  EXPECT_EQ(Match("id,y\n9007199254740993,0\n9007199254740992,0.5\n",
                  "id\n9007199254740992\n9007199254740993\n"),
            "10");
  EXPECT_EQ(Match("id\n9007199254740992.0\n1\n", "id\n9007199254740992\n1\n"), "missing 1");
}

}  // namespace
}  // namespace podium
