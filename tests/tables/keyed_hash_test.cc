#include "tables/keyed_hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace podium {
namespace {

// Texts of one length that differ in one bit, and texts that are the head of each other.
TEST(FingerprintTest, EveryByteAndTheLengthCount) {
  std::set<std::uint64_t> seen;
  std::size_t texts = 0;
  for (std::size_t size = 0; size <= 40; ++size) {
    std::string text(size, '\0');
    seen.insert(Fingerprint(text));
    ++texts;
    for (std::size_t bit = 0; bit < 8 * size; ++bit, ++texts) {
      std::string other = text;
      other[bit / 8] = static_cast<char>(1 << bit % 8);
      seen.insert(Fingerprint(other));
    }
  }
  EXPECT_EQ(seen.size(), texts);
}

TEST(FingerprintTest, EqualTextsHaveTheSameWhereverTheyLie) {
  const std::string text = "2013-01-02 03:04:05.0000123, and more bytes than a word has";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    std::string copy = "?" + text.substr(0, size) + "?";
    EXPECT_EQ(Fingerprint(std::string_view(copy).substr(1, size)),
              Fingerprint(std::string_view(text).substr(0, size)))
        << size;
  }
}

TEST(FingerprintTest, IsBelowThePrime) {
  const std::string bytes(1000, '\xFF');
  for (std::size_t size = 0; size <= bytes.size(); ++size)
    EXPECT_LT(Fingerprint(std::string_view(bytes).substr(0, size)), (std::uint64_t{1} << 61) - 1);
}

}  // namespace
}  // namespace podium
