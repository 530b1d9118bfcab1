#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace podium {
namespace {

TEST(SuggestTest, OffersOnlyWhatIsNear) {
  std::vector<std::string> names = {"greedy", "single-shot", "oracle"};
  EXPECT_EQ(Suggest("gredy", names), " Did you mean 'greedy'?");
  EXPECT_EQ(Suggest("kubernetes", names), "");
}

TEST(TextTest, SplitsTrimsAndJoins) {
  EXPECT_THAT(Split("a,,b", ','), testing::ElementsAre("a", "", "b"));
  EXPECT_THAT(Split("", ','), testing::ElementsAre(""));
  EXPECT_EQ(Trim(" \t x y \r\n"), "x y");
  EXPECT_EQ(Trim("  "), "");
  std::vector<std::string> parts = {"a", "b"};
  EXPECT_EQ(Join(parts, ", "), "a, b");
}

TEST(FormatTest, DurationsSizesAndScores) {
  using std::chrono::milliseconds;
  EXPECT_EQ(FormatDuration(milliseconds(850)), "850 ms");
  EXPECT_EQ(FormatDuration(milliseconds(12'300)), "12.3 s");
  EXPECT_EQ(FormatDuration(milliseconds(245'000)), "4 min 05 s");
  EXPECT_EQ(FormatDuration(milliseconds(7'380'000)), "2 h 03 min");
  EXPECT_EQ(FormatBytes(512), "512 B");
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
  EXPECT_EQ(FormatScore(0.5), "0.5");
  EXPECT_EQ(FormatScore(-0.000001), "0");
  EXPECT_EQ(FormatScore(100), "100");
  EXPECT_EQ(FormatScore(std::numeric_limits<double>::infinity()), "inf");
}

TEST(FormatTest, ADoubleReadsBackAsItself) {
  for (double value : {0.1, 1e-300, 1.0 / 3, 12345678901234567.0, -2.5}) {
    EXPECT_EQ(std::stod(FormatDouble(value)), value);
  }
  EXPECT_EQ(FormatDouble(std::nan("")), "nan");
}

TEST(PrintableTest, CharactersThatShowNothingAreShown) {
  EXPECT_EQ(Printable("\xEF\xBB\xBFid"), "\\u{FEFF}id");
  EXPECT_EQ(Printable("a\xE2\x80\x8B"
                      "b"),
            "a\\u{200B}b");
  EXPECT_EQ(Printable("\xE2\x80\xAE\xE2\x81\xA6\xE2\x81\xA9"), "\\u{202E}\\u{2066}\\u{2069}");
  EXPECT_EQ(Printable("\xF3\xA0\x81\x81"), "\\u{E0041}") << "a tag character";
  EXPECT_EQ(Printable("\xC2\xB5\xE2\x82\xAC\xF0\x9F\x99\x82"),
            "\xC2\xB5\xE2\x82\xAC\xF0\x9F\x99\x82");
}

TEST(NearestTest, ALongWordIsNotCompared) {
  std::vector<std::string> known = {std::string(65, 'a')};
  EXPECT_EQ(Nearest(std::string(65, 'a'), known), "");
}

TEST(PrintableTest, TakesTheTeethOutOfAgentBytes) {
  EXPECT_EQ(Printable("a\x1b[31mb"), "a?[31mb");
  EXPECT_EQ(Printable("tab\tline\n"), "tab\tline\n");
  EXPECT_EQ(Printable("\xff\xc0\xaf"), "???");
  EXPECT_EQ(Printable("h\xc3\xa9llo"), "h\xc3\xa9llo");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "31m"),
            "?31m")
      << "the one-character form of escape-bracket";
  EXPECT_EQ(Printable("\xed\xa0\x80"), "???") << "a surrogate is no character";
}

TEST(HeadTailTest, SaysHowMuchIsMissing) {
  EXPECT_EQ(HeadTail("short", 10, 10), "short");
  EXPECT_EQ(HeadTail("0123456789", 2, 3), "01\n... (5 bytes left out) ...\n789");
}

}  // namespace
}  // namespace podium
