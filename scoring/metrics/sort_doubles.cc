#include "scoring/metrics/sort_doubles.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace podium::scoring {
namespace {

constexpr std::size_t kFewValues = 2048;
constexpr int kDigitBits = 11;
constexpr int kDigits = 6;
constexpr std::size_t kBuckets = std::size_t{1} << kDigitBits;
constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

std::size_t Digit(std::uint64_t key, int digit) {
  return key >> (digit * kDigitBits) & (kBuckets - 1);
}

using Counts = std::array<std::array<std::uint32_t, kBuckets>, kDigits>;

}  // namespace

// Negative doubles reversed, below the positive ones.
std::uint64_t SortKey(double value) {
  auto bits = std::bit_cast<std::uint64_t>(value + 0.0);  // -0.0 becomes 0.0
  return bits & kSign ? ~bits : bits | kSign;
}

void SortKeys(std::vector<std::uint64_t>& keys) {
  if (keys.size() < kFewValues || keys.size() > UINT32_MAX) {
    std::ranges::sort(keys);
    return;
  }
  std::vector<std::uint64_t> other(keys.size());
  std::vector<Counts> counts(1);
  for (std::uint64_t key : keys) {
    for (int d = 0; d < kDigits; ++d) ++counts[0][static_cast<std::size_t>(d)][Digit(key, d)];
  }
  for (int d = 0; d < kDigits; ++d) {
    auto& starts = counts[0][static_cast<std::size_t>(d)];
    if (starts[Digit(keys[0], d)] == keys.size()) continue;  // all keys have this digit
    std::uint32_t sum = 0;
    for (std::uint32_t& start : starts) start = (sum += start) - start;
    for (std::uint64_t key : keys) other[starts[Digit(key, d)]++] = key;
    keys.swap(other);
  }
}

}  // namespace podium::scoring
