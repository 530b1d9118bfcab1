#include "scoring/metrics/levenshtein.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace podium::scoring {
namespace {

using Symbols = std::vector<std::uint32_t>;

// Wagner and Fischer, 1974.
std::size_t ByTable(const Symbols& a, const Symbols& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t k = 0; k < b.size(); ++k) {
      std::size_t replaced = diagonal + (a[i] != b[k]);
      diagonal = row[k + 1];
      row[k + 1] = std::min({replaced, row[k] + 1, diagonal + 1});
    }
  }
  return row.back();
}

// Code points that share first or last bytes with each other.
const std::vector<std::string> kLetters = {"a", "b",      "\u00E9",     "\u00E8",     "\u00A9",
                                           "c", "\u65E5", "\U0001F600", "\U0001F601", "\u0169"};

Symbols RandomSymbols(std::mt19937& random, std::size_t letters) {
  Symbols out(random() % (random() % 8 == 0 ? 300 : 20));
  for (auto& symbol : out) symbol = random() % letters;
  return out;
}

std::string TextOf(const Symbols& symbols) {
  std::string out;
  for (std::uint32_t symbol : symbols) out += kLetters[symbol];
  return out;
}

// A copy with some symbols changed, so that beginnings and ends are shared.
Symbols Changed(Symbols symbols, std::mt19937& random, std::size_t letters) {
  for (unsigned i = random() % 4; i > 0 && !symbols.empty(); --i) {
    std::size_t at = random() % symbols.size();
    if (random() % 2 == 0) symbols[at] = random() % letters;
    if (random() % 2 == 0) symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return symbols;
}

TEST(EditDistancesTest, EqualTheTextbooks) {
  std::mt19937 random(7);
  EditDistances distances;
  for (int i = 0; i < 3000; ++i) {
    std::size_t letters = i % 2 == 0 ? 2 : kLetters.size();
    Symbols a = RandomSymbols(random, letters);
    Symbols b = i % 3 == 0 ? RandomSymbols(random, letters) : Changed(a, random, letters);
    std::size_t expected = ByTable(a, b);
    ASSERT_EQ(distances.Of(a, b), expected);
    ASSERT_EQ(distances.OfTexts(TextOf(a), TextOf(b)), expected) << TextOf(a) << "\n" << TextOf(b);
  }
}

TEST(EditDistancesTest, CountCodePointsNotBytes) {
  EditDistances distances;
  EXPECT_EQ(distances.OfTexts("n\u00E9", "n\u00E8"), 1u);  // one lead byte
  EXPECT_EQ(distances.OfTexts("\u00E9", "\u00A9"), 1u);    // one last byte
  EXPECT_EQ(distances.OfTexts("", "\U0001F600"), 1u);
  EXPECT_EQ(distances.OfTexts("kitten", "sitting"), 3u);
}

}  // namespace
}  // namespace podium::scoring
