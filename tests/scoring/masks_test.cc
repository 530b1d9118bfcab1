#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "scoring/metrics/mask_metrics.h"
#include "scoring/metrics/python_token.h"
#include "scoring/metrics/rle.h"

namespace podium::scoring {
namespace {

std::string Decoded(std::string_view text, std::uint64_t pixels) {
  auto mask = DecodeRle(text, pixels);
  if (!mask) return std::string(RleFaultText(mask.error()));
  std::string out;
  for (PixelRun r : mask->runs) out += std::to_string(r.begin) + "-" + std::to_string(r.end) + " ";
  return out;
}

RunMask Mask(std::string_view text, std::uint64_t pixels) { return *DecodeRle(text, pixels); }

// float() and int() of Python 3.11.
TEST(PythonTokenTest, NumbersAsPythonReadsThem) {
  EXPECT_EQ(ParseFloatToken(" 1_000.5\t"), 1000.5);
  EXPECT_EQ(ParseFloatToken("-.5e1"), -5);
  EXPECT_EQ(ParseFloatToken("+Infinity"), INFINITY);
  EXPECT_TRUE(std::isnan(*ParseFloatToken("-NaN")));
  EXPECT_EQ(ParseFloatToken("1e400"), INFINITY);
  EXPECT_EQ(ParseFloatToken("-1e-400"), -0.0);
  EXPECT_EQ(ParseFloatToken("\xE2\x80\x83"
                            "3"),
            3);  // an em space
  for (const char* bad :
       {"", " ", "1__0", "_1", "1_", "1_.5", "0x1p3", "1 2", "1e", ".", "1d5", "+-1", "infin"})
    EXPECT_FALSE(ParseFloatToken(bad)) << bad;
  std::int64_t value = 0;
  EXPECT_EQ(ParseIntToken("+1_2", value), IntToken::kOk);
  EXPECT_EQ(value, 12);
  EXPECT_EQ(ParseIntToken("-0", value), IntToken::kOk);
  EXPECT_EQ(ParseIntToken("9223372036854775808", value), IntToken::kTooLarge);
  for (const char* bad : {"", "1.0", "1e3", "a", "+", "1_", "0x1"})
    EXPECT_EQ(ParseIntToken(bad, value), IntToken::kInvalid) << bad;
}

TEST(RleTest, DecodesAndCutsAtTheEnd) {
  EXPECT_EQ(Decoded("2 3 7 2", 100), "1-4 6-8 ");
  EXPECT_EQ(Decoded("2 3 5 2", 100), "1-6 ");  // touching runs are one
  EXPECT_EQ(Decoded("  ", 100), "");
  EXPECT_EQ(Decoded("9 5", 10), "8-10 ");
  EXPECT_EQ(Decoded("11 5", 10), "");
  EXPECT_EQ(Decoded("3 2\t 8  1 ", 10), "2-4 7-8 ");
}

// What NumPy's broadcasting and slicing make of odd masks in mle-bench's decoder.
TEST(RleTest, OddMasksAreWhatNumpyMakesOfThem) {
  EXPECT_EQ(Decoded("5", 10), "");
  EXPECT_EQ(Decoded("1 2 7", 10), "0-2 6-8 ");
  EXPECT_EQ(Decoded("1 2 5 6 7", 10), "an odd count of numbers");
  EXPECT_EQ(Decoded("2 9223372036854775807", 10), "");  // the sum wraps far below zero
  EXPECT_EQ(Decoded("1 9223372036854775807", 10), "0-10 ");
  EXPECT_EQ(Decoded("1 9223372036854775808", 10), "a number is beyond 64 bits");
}

TEST(RleTest, RefusesWhatTheDecoderAssertsAgainst) {
  EXPECT_EQ(Decoded("5 1 2 1", 10), "the starts are not sorted");
  EXPECT_EQ(Decoded("1 3 2 1", 10), "runs overlap");
  EXPECT_EQ(Decoded("2 1 2 1", 10), "runs overlap");
  EXPECT_EQ(Decoded("0 1", 10), "a start or length is below 1");
  EXPECT_EQ(Decoded("1 0", 10), "a start or length is below 1");
  EXPECT_EQ(Decoded("1 -2", 10), "a start or length is below 1");
  EXPECT_EQ(Decoded("1 x", 10), "a token is not a whole number");
  EXPECT_EQ(Decoded("1 3.0", 10), "a token is not a whole number");
  EXPECT_EQ(Decoded("12 3 13 3", 10), "");  // overlap past the end is no overlap
  EXPECT_TRUE(IsAssertion(RleFault::kOverlap) && !IsAssertion(RleFault::kUnpaired));
}

TEST(RleTest, StrictlyMasksArePairsInsideTheImage) {
  auto strict = [](std::string_view text) {
    auto mask = DecodeRleStrictly(text, 10);
    return mask ? "ok" : std::string(RleFaultText(mask.error()));
  };
  EXPECT_EQ(strict("1 3 8 3"), "ok");
  EXPECT_EQ(strict(""), "ok");
  EXPECT_EQ(strict("5"), "an odd count of numbers");
  EXPECT_EQ(strict("1 2 7"), "an odd count of numbers");
  EXPECT_EQ(strict("9 5"), "a run ends past the image");
  EXPECT_EQ(strict("11 1"), "a run ends past the image");
  EXPECT_EQ(strict("2 9223372036854775807"), "a run ends past the image");
}

TEST(MaskMetricsTest, CommonPixelsEqualACountPixelByPixel) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::string texts[2];
    std::vector<bool> pixels[2] = {std::vector<bool>(60), std::vector<bool>(60)};
    for (int m = 0; m < 2; ++m) {
      for (std::size_t at = random() % 9; at < 60; at += 1 + random() % 9) {
        std::size_t length = 1 + random() % 5;
        texts[m] += std::to_string(at + 1) + " " + std::to_string(length) + " ";
        for (std::size_t end = at + length; at < end; ++at)
          if (at < 60) pixels[m][at] = true;
      }
    }
    RunMask a = Mask(texts[0], 60), b = Mask(texts[1], 60);
    std::uint64_t common = 0, count = 0;
    for (std::size_t i = 0; i < 60; ++i) {
      common += pixels[0][i] && pixels[1][i];
      count += pixels[0][i];
    }
    EXPECT_EQ(CountCommon(a, b), common);
    EXPECT_EQ(CountCommon(b, a), common);
    EXPECT_EQ(a.Count(), count);
  }
}

TEST(MaskMetricsTest, DiceAndFHalf) {
  EXPECT_EQ(Dice(Mask("1 4", 10), Mask("3 4", 10), 1), 0.5);
  EXPECT_EQ(Dice(Mask("", 10), Mask("", 10), 1), 1);
  EXPECT_TRUE(std::isnan(Dice(Mask("", 10), Mask("", 10), NAN)));
  EXPECT_EQ(Dice(Mask("1 4", 10), Mask("", 10), 1), 0);
  // precision 2/4, recall 2/8: 1.25 * 0.5 * 0.25 / (0.25 * 0.5 + 0.25)
  EXPECT_DOUBLE_EQ(MaskFHalf(Mask("1 8", 20), Mask("7 4", 20)), 0.15625 / 0.375);
  EXPECT_EQ(MaskFHalf(Mask("", 20), Mask("", 20)), 0);
}

TEST(MaskMetricsTest, SaltThresholdsAreStrict) {
  const std::uint64_t n = 101 * 101;
  EXPECT_EQ(SaltPrecision(Mask("", n), Mask("", n)), 1);
  EXPECT_EQ(SaltPrecision(Mask("", n), Mask("1 1", n)), 0);
  EXPECT_EQ(SaltPrecision(Mask("1 10", n), Mask("1 5", n)), 0);  // exactly 0.5 fails 0.5
  EXPECT_EQ(SaltPrecision(Mask("1 100", n), Mask("1 51", n)), 0.1);
  EXPECT_EQ(SaltPrecision(Mask("1 100", n), Mask("1 100", n)), 1);
  // An empty prediction is taken for the whole image: 8161 of 10201 is 0.80002.
  EXPECT_EQ(SaltPrecision(Mask("1 8161", n), Mask("", n)), 0.7);
  EXPECT_EQ(ExactSaltPrecision(Mask("1 8161", n), Mask("", n)), 0);
  EXPECT_EQ(ExactSaltPrecision(Mask("", n), Mask("", n)), 1);
  EXPECT_EQ(ExactSaltPrecision(Mask("1 10", n), Mask("1 5", n)), 0);
  EXPECT_EQ(ExactSaltPrecision(Mask("1 100", n), Mask("1 71", n)), 0.5);
}

Volume RandomVolume(std::mt19937& random, std::size_t d, std::size_t h, std::size_t w) {
  Volume v{d, h, w, std::vector<std::uint8_t>(d * h * w)};
  for (auto& voxel : v.set) voxel = random() % 7 == 0;
  v.set[random() % v.set.size()] = 1;
  return v;
}

double SlowDirected(const Volume& from, const Volume& to, const Volume& scale) {
  auto points = [&](const Volume& v) {
    std::vector<std::array<double, 3>> out;
    for (std::size_t i = 0; i < v.set.size(); ++i)
      if (v.set[i])
        out.push_back({double(i / (v.height * v.width)) / double(scale.depth),
                       double(i / v.width % v.height) / double(scale.height),
                       double(i % v.width) / double(scale.width)});
    return out;
  };
  double largest = 0;
  for (auto& p : points(from)) {
    double least = INFINITY;
    for (auto& q : points(to))
      least = std::min(least, std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]));
    largest = std::max(largest, least);
  }
  return largest;
}

TEST(HausdorffTest, EqualsAllPairsForVolumesOfAnySize) {
  std::mt19937 random(3);
  for (int round = 0; round < 40; ++round) {
    auto size = [&] { return 1 + random() % 6; };
    Volume a = RandomVolume(random, size(), size(), size());
    Volume b = RandomVolume(random, size(), size(), size());
    if (a == b || a.Count() > 10 * b.Count()) continue;
    double slow = std::max(SlowDirected(a, b, b), SlowDirected(b, a, b)) / std::sqrt(3.0);
    EXPECT_NEAR(ScaledHausdorff(a, b), slow, 1e-12);
  }
}

TEST(HausdorffTest, EdgesAreMleBenchs) {
  Volume empty{2, 2, 2, std::vector<std::uint8_t>(8)};
  Volume one = empty, full = empty;
  one.set[3] = 1;
  full.set.assign(8, 1);
  Volume twelve{3, 2, 2, std::vector<std::uint8_t>(12, 1)};
  EXPECT_TRUE(std::isnan(ScaledHausdorff(empty, empty)));
  EXPECT_EQ(ScaledHausdorff(one, one), 0);
  EXPECT_EQ(ScaledHausdorff(one, empty), 1);
  EXPECT_EQ(ScaledHausdorff(empty, one), 1);
  EXPECT_EQ(ScaledHausdorff(twelve, one), 1);  // more than ten times the voxels
  EXPECT_LT(ScaledHausdorff(full, one), 1);
}

}  // namespace
}  // namespace podium::scoring
