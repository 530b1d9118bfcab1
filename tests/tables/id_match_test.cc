#include "tables/id_match.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>

namespace podium {
namespace {

Column Texts(const std::vector<std::string>& texts) {
  Column column{.name = "id", .dtype = DType::kObject};
  for (const std::string& text : texts) column.cells.push_back(text);
  return column;
}

std::vector<std::string> Ids(std::size_t count, const std::string& head) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i)
    out.push_back(head + std::to_string(i * 7919 % 1'000'003));
  return out;
}

// What a map says, for as many rows as take one part, several, and several threads.
TEST(MatchUniqueTest, FindsEveryRowWhateverTheOrder) {
  for (std::size_t count : {1u, 5u, 5'000u, 300'000u}) {
    auto theirs = Ids(count, "an id of more than sixteen bytes ");
    std::vector<RowIndex> order(count);
    for (std::size_t i = 0; i < count; ++i) order[i] = static_cast<RowIndex>(i);
    std::ranges::shuffle(order, std::mt19937(count));
    std::vector<std::string> mine(count);
    for (std::size_t i = 0; i < count; ++i) mine[order[i]] = theirs[i];
    auto match = MatchUnique(Texts(mine), Texts(theirs), false, false);
    ASSERT_TRUE(match) << count;
    EXPECT_EQ(match->rows, order) << count;
  }
}

TEST(MatchUniqueTest, WholeNumbersOfAnyRangeMatch) {
  for (std::int64_t step : {1, 1'000'000'007}) {
    Column mine{.name = "id", .dtype = DType::kInt64};
    Column theirs = mine;
    for (std::int64_t i = 0; i < 10'000; ++i) theirs.ints.push_back(i * step - 3);
    for (std::int64_t i = 10'000; i-- > 0;) mine.ints.push_back(i * step - 3);
    auto match = MatchUnique(mine, theirs, false, false);
    ASSERT_TRUE(match);
    EXPECT_EQ(match->rows.front(), 9'999u);
    EXPECT_EQ(match->rows.back(), 0u);
  }
}

TEST(MatchUniqueTest, RepeatedAndForeignWholeNumbersMatchNothing) {
  for (std::int64_t step : {1, 1'000'000'007}) {
    auto ids = [&](std::initializer_list<std::int64_t> values) {
      Column column{.name = "id", .dtype = DType::kInt64};
      for (std::int64_t value : values) column.ints.push_back(value * step);
      return column;
    };
    auto matches = [&](std::initializer_list<std::int64_t> mine,
                       std::initializer_list<std::int64_t> theirs) {
      return MatchUnique(ids(mine), ids(theirs), false, false).has_value();
    };
    EXPECT_TRUE(matches({3, 1, 2}, {1, 2, 3}));
    EXPECT_FALSE(matches({3, 1, 1}, {1, 2, 3})) << "repeated";
    EXPECT_FALSE(matches({3, 1, 4}, {1, 2, 3})) << "foreign, above";
    EXPECT_FALSE(matches({3, 1, -4}, {1, 2, 3})) << "foreign, below";
    EXPECT_FALSE(matches({1, 3, 3}, {1, 3, 3})) << "the answers' own";
    EXPECT_FALSE(matches({1, 2, 3}, {1, 3, 3})) << "the answers' own";
  }
}

TEST(MatchUniqueTest, TextIsReleasedOnceItWasLookedAt) {
  auto theirs = Ids(200'000, "x");
  auto mine = theirs;
  std::ranges::reverse(mine);
  std::atomic<std::size_t> calls = 0;
  auto match = MatchUnique(Texts(mine), Texts(theirs), false, false,
                           [&](std::string_view bytes) { calls += !bytes.empty(); });
  EXPECT_TRUE(match);
  EXPECT_GE(calls, 4u) << "large tables do not wait for the end";
}

TEST(MatchUniqueTest, RepeatedForeignAndMissingIdsMatchNothing) {
  auto theirs = Ids(20'000, "x");
  auto broken = [&](std::size_t row, const std::string& id) {
    auto mine = theirs;
    std::ranges::reverse(mine);
    mine[row] = id;
    return MatchUnique(Texts(mine), Texts(theirs), false, false).has_value();
  };
  EXPECT_TRUE(broken(0, theirs.back()));
  EXPECT_FALSE(broken(7, theirs[0])) << "repeated";
  EXPECT_FALSE(broken(7, "foreign"));
  auto twice = theirs;
  twice[9] = twice[8];
  EXPECT_FALSE(MatchUnique(Texts(twice), Texts(twice), false, false)) << "the answers' own";
}

TEST(MatchUniqueTest, MoreRowsMayBeLeftOut) {
  auto theirs = Ids(9'000, "x");
  auto mine = Ids(9'000, "y");
  mine.insert(mine.end(), theirs.rbegin(), theirs.rend());
  EXPECT_FALSE(MatchUnique(Texts(mine), Texts(theirs), false, false));
  auto match = MatchUnique(Texts(mine), Texts(theirs), false, true);
  ASSERT_TRUE(match);
  EXPECT_EQ(match->rows.front(), mine.size() - 1);
  mine.push_back(theirs[5]);
  EXPECT_FALSE(MatchUnique(Texts(mine), Texts(theirs), false, true)) << "repeated";
}

TEST(MatchUniqueTest, TheSameOrderNeedsIdsThatDiffer) {
  auto texts = Ids(9'000, "x");
  auto ids = Texts(texts);
  EXPECT_TRUE(MatchUnique(ids, ids, true, false)->in_order);
  ids.cells.Set(3, ids.cells[4]);
  EXPECT_FALSE(MatchUnique(ids, ids, true, false));
}

}  // namespace
}  // namespace podium
