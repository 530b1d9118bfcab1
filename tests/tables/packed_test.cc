#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tables/frame/packed_ints.h"
#include "tables/frame/packed_texts.h"

namespace podium {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

template <class T>
std::vector<std::int64_t> Limits() {
  return {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
}

TEST(PackedIntsTest, TakeTheFewestBytesThatHoldEachNumber) {
  PackedInts ints;
  std::vector<std::int64_t> expected;
  auto add = [&](const std::vector<std::int64_t>& values) {
    for (std::int64_t value : values) ints.push_back(value);
    expected.insert(expected.end(), values.begin(), values.end());
    EXPECT_EQ(ints.Wide(), expected);
    return ints.width();
  };
  EXPECT_EQ(add({0, -1}), 1u);
  EXPECT_EQ(add(Limits<std::int8_t>()), 1u);
  EXPECT_EQ(add({128}), 2u);
  EXPECT_EQ(add(Limits<std::int16_t>()), 2u);
  EXPECT_EQ(add({-32769}), 4u);
  EXPECT_EQ(add(Limits<std::int32_t>()), 4u);
  EXPECT_EQ(add(Limits<std::int64_t>()), 8u);
  EXPECT_EQ(add({7}), 8u);
}

TEST(PackedIntsTest, OfSeveralWidthsAppendToEachOther) {
  const PackedInts narrow{1, 2};
  const PackedInts wide{1 << 20, -5};
  for (const auto& [first, second] : {std::pair(narrow, wide), std::pair(wide, narrow)}) {
    PackedInts both = first;
    both.Append(second);
    both.push_back(9);
    EXPECT_EQ(both.width(), 4u);
    EXPECT_THAT(both.Wide(), ElementsAre(first[0], first[1], second[0], second[1], 9));
  }
  PackedInts none;
  none.Append(PackedInts());
  EXPECT_TRUE(none.empty());
  none.Append(wide);
  EXPECT_EQ(none, wide);
}

TEST(PackedIntsTest, AreEqualByValue) {
  PackedInts wide{1, 1 << 20, 2};
  std::vector<RowIndex> rows = {2, 0};
  EXPECT_EQ(wide.Take(rows), (PackedInts{2, 1}));
  EXPECT_NE(wide.Take(rows), (PackedInts{1, 2}));
  PackedInts moved = std::move(wide);
  EXPECT_EQ(moved.size(), 3u);
  EXPECT_TRUE(wide.empty());  // NOLINT: a moved one is empty
  wide.push_back(3);
  EXPECT_THAT(wide.Wide(), ElementsAre(3));
}

TEST(PackedIntsTest, GrowInPlace) {
  PackedInts ints;
  std::vector<std::int64_t> expected;
  for (std::int64_t i = 0; i < 3000; ++i) {
    ints.push_back(i * 13);
    expected.push_back(i * 13);
  }
  EXPECT_EQ(ints.width(), 4u);
  EXPECT_THAT(ints.Wide(), ElementsAreArray(expected));
  EXPECT_TRUE(std::ranges::is_sorted(ints));
}

TEST(PackedTextsTest, KeepMissingEmptyAndLongTexts) {
  const std::string limit(0xFFFE, 'a');
  const std::string longer(0xFFFF, 'b');
  const std::string longest(200'000, 'c');
  PackedTexts texts;
  for (std::string_view text :
       {std::string_view(), std::string_view(""), std::string_view("x"), std::string_view(limit),
        std::string_view(longer), std::string_view(longest)})
    texts.push_back(text);
  EXPECT_EQ(texts[0].data(), nullptr);
  EXPECT_NE(texts[1].data(), nullptr);
  EXPECT_THAT(std::vector<std::string_view>(texts.begin(), texts.end()),
              ElementsAre("", "", "x", limit, longer, longest));
  texts.Set(0, longest);
  texts.Set(5, "y");
  EXPECT_EQ(texts[0], longest);
  EXPECT_EQ(texts.back(), "y");
}

TEST(PackedTextsTest, LongTextsFollowWhereTheyAreCopiedTo) {
  const std::string first(70'000, 'a');
  const std::string second(80'000, 'b');
  PackedTexts texts(1, first);
  PackedTexts more(2, second);
  more.push_back("c");
  texts.Append(more);
  EXPECT_THAT(std::vector<std::string_view>(texts.begin(), texts.end()),
              ElementsAre(first, second, second, "c"));
  std::vector<RowIndex> rows = {3, 1, 0};
  PackedTexts taken = texts.Take(rows);
  EXPECT_THAT(std::vector<std::string_view>(taken.begin(), taken.end()),
              ElementsAre("c", second, first));
}

}  // namespace
}  // namespace podium
