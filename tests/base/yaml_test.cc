#include "base/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace podium {
namespace {

using testing::HasSubstr;

YamlNode Parse(std::string_view text) {
  auto node = ParseYaml(text, "f.yaml");
  EXPECT_TRUE(node) << node.error().message;
  return node.value_or(YamlNode{});
}

std::string ParseError(std::string_view text) {
  auto node = ParseYaml(text, "f.yaml");
  EXPECT_FALSE(node);
  return node ? "" : node.error().message;
}

TEST(YamlTest, ValuesKnowTheirLine) {
  YamlNode root = Parse("a: 1\nb:\n  c: [x, y]\n");
  ASSERT_EQ(root.entries.size(), 2u);
  EXPECT_EQ(root.entries[1].second.entries[0].second.place(), "f.yaml:3");
}

TEST(YamlTest, ADuplicateKeyNamesBothLines) {
  std::string message = ParseError("a: 1\nb: 2\na: 3\n");
  EXPECT_THAT(message, HasSubstr("f.yaml:3"));
  EXPECT_THAT(message, HasSubstr("line 1"));
}

TEST(YamlTest, BrokenTextNamesItsLine) {
  EXPECT_THAT(ParseError("a: [1,\nb: 2\n"), HasSubstr("f.yaml:"));
}

TEST(YamlTest, TagsAndAliasBombsAreRefused) {
  EXPECT_THAT(ParseError("a: !!python/object x\n"), HasSubstr("tags"));
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 8; ++i) {
    std::string was = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + was;
    for (int k = 0; k < 9; ++k) bomb += "," + was;
    bomb += "]\n";
  }
  EXPECT_THAT(ParseError(bomb), HasSubstr("100,000"));
}

TEST(YamlTest, SizesAndTimesNeedTheirUnits) {
  YamlNode root = Parse("a: 4 GiB\nb: 90 s\nc: 24 h\nd: 90\ne: 1.5 KiB\nf: 3 parsecs\n");
  auto at = [&](int i) { return root.entries[static_cast<std::size_t>(i)].second; };
  EXPECT_EQ(*at(0).AsBytes(), std::uint64_t{4} << 30);
  EXPECT_EQ(*at(1).AsMillis(), 90'000);
  EXPECT_EQ(*at(2).AsMillis(), 86'400'000);
  EXPECT_FALSE(at(3).AsMillis()) << "a bare number is no time";
  EXPECT_EQ(*at(4).AsBytes(), 1536u);
  EXPECT_FALSE(at(5).AsBytes());
}

TEST(YamlTest, NumbersInQuotesAreText) {
  YamlNode root = Parse("a: \"1\"\nb: 1\nc: nan\n");
  EXPECT_FALSE(root.entries[0].second.AsInt());
  EXPECT_EQ(*root.entries[1].second.AsInt(), 1);
  EXPECT_FALSE(root.entries[2].second.AsDouble());
}

TEST(YamlMapTest, AnUnknownKeyIsAnErrorWithASuggestion) {
  YamlNode root = Parse("metric: x\ndirectoin: lower\n");
  auto map = YamlMap::From(root);
  ASSERT_TRUE(map);
  EXPECT_EQ(*map->String("metric"), "x");
  EXPECT_EQ(map->Get("direction"), nullptr);
  auto finished = map->Finish();
  ASSERT_FALSE(finished);
  EXPECT_THAT(finished.error().message, HasSubstr("f.yaml:2"));
  EXPECT_THAT(finished.error().message, HasSubstr("Did you mean 'direction'?"));
}

TEST(YamlMapTest, AMissingKeyNamesTheMapping) {
  YamlNode root = Parse("a: 1\n");
  auto map = YamlMap::From(root);
  auto missing = map->Require("b");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("'b' is missing"));
}

}  // namespace
}  // namespace podium
