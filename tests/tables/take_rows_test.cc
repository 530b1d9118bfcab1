#include "tables/take_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace podium {
namespace {

using testing::ElementsAre;

// Enough columns and rows for several threads, each of which reuses memory.
TEST(TakeRowsTest, EveryColumnIsPickedTheSameWay) {
  constexpr std::size_t kRows = 100'000;
  Frame frame;
  frame.rows = kRows;
  for (std::size_t c = 0; c < 7; ++c) {
    Column column{.name = std::to_string(c), .dtype = c == 3 ? DType::kInt64 : DType::kFloat64};
    for (std::size_t i = 0; i < kRows; ++i) {
      if (c == 3) column.ints.push_back(static_cast<std::int64_t>(i));
      if (c != 3) column.floats.push_back(static_cast<double>(i * 10 + c));
    }
    frame.columns.push_back(std::move(column));
  }
  std::vector<RowIndex> rows;
  for (std::size_t i = 0; i < kRows; i += 2) rows.push_back(static_cast<RowIndex>(kRows - 1 - i));
  TakeRows(frame, rows);
  EXPECT_EQ(frame.rows, rows.size());
  for (std::size_t c = 0; c < frame.columns.size(); ++c) {
    const Column& column = frame.columns[c];
    ASSERT_EQ(column.size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
      ASSERT_EQ(column.number(i), c == 3 ? rows[i] : rows[i] * 10.0 + static_cast<double>(c));
  }
}

TEST(TakeRowsTest, KeepsWhatAColumnIs) {
  const std::string text = "ab";
  Frame frame;
  frame.rows = 2;
  frame.columns.push_back({.name = "t", .dtype = DType::kObject});
  frame.columns[0].cells.push_back(text);
  frame.columns[0].cells.push_back({});
  frame.columns.push_back({.name = "b", .dtype = DType::kBool, .bools = {1, 0}});
  TakeRows(frame, std::vector<RowIndex>{1, 0, 1});
  EXPECT_THAT(std::vector<bool>({frame.columns[0].missing(0), frame.columns[0].missing(1)}),
              ElementsAre(true, false));
  EXPECT_EQ(frame.columns[0].cells[1], "ab");
  EXPECT_THAT(frame.columns[1].bools, ElementsAre(0, 1, 0));
  TakeRows(frame, {});
  EXPECT_EQ(frame.rows, 0u);
}

}  // namespace
}  // namespace podium
