#include "base/json.h"

#include <gtest/gtest.h>

namespace podium {
namespace {

std::string Nested(int depth, const std::string& inside) {
  return std::string(static_cast<std::size_t>(depth), '[') + inside +
         std::string(static_cast<std::size_t>(depth), ']');
}

TEST(JsonTest, NestingIsBounded) {
  EXPECT_TRUE(ParseJson(Nested(200, "1"), "x"));
  auto deep = ParseJson(Nested(201, "1"), "x");
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().message, "x: JSON nested deeper than 200 levels");
  EXPECT_FALSE(ParseJson(std::string(1'000'000, '{'), "x"));
}

TEST(JsonTest, BracketsInStringsAreNoNesting) {
  std::string text = R"({"a": ")" + std::string(500, '[') + R"(", "b\\": "\"[[", "c": 1})";
  auto json = ParseJson(text, "x");
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ((*json)["c"], 1);
  EXPECT_FALSE(ParseJson(R"({"a": "\")" + Nested(201, "") + "\"}" + Nested(201, ""), "x"));
}

TEST(JsonTest, WhatIsNoJsonIsAnError) {
  for (const char* text : {"", "{", "[1,]", "{\"a\":}", "\"", "]", "nul"})
    EXPECT_FALSE(ParseJson(text, "x")) << text;
}

}  // namespace
}  // namespace podium
