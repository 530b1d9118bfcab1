#include "scoring/metrics/rle.h"

#include <algorithm>

#include "scoring/metrics/inputs.h"
#include "scoring/metrics/python_token.h"

namespace podium::scoring {
namespace {

struct Pairs {
  std::vector<std::int64_t> starts;
  std::vector<std::int64_t> lengths;
};

tl::expected<Pairs, RleFault> ReadPairs(std::string_view text) {
  Pairs out;
  bool too_large = false;
  bool start = true;
  for (std::string_view word : SplitWords(text)) {
    std::int64_t value = 0;
    IntToken read = ParseIntToken(word, value);
    if (read == IntToken::kInvalid) return tl::unexpected(RleFault::kNotWholeNumbers);
    too_large |= read == IntToken::kTooLarge;
    (start ? out.starts : out.lengths).push_back(value);
    start = !start;
  }
  if (too_large) return tl::unexpected(RleFault::kTooLarge);
  return out;
}

// The place behind a run in a NumPy array of n pixels: sums wrap at 64 bits, a negative place
// counts from the end, and both are cut to the array.
std::uint64_t EndOf(std::int64_t begin, std::int64_t length, std::uint64_t n) {
  auto end = static_cast<std::int64_t>(static_cast<std::uint64_t>(begin) +
                                       static_cast<std::uint64_t>(length));
  if (end >= 0) return std::min(static_cast<std::uint64_t>(end), n);
  auto from_end = static_cast<std::uint64_t>(-(end + 1)) + 1;
  return from_end >= n ? 0 : n - from_end;
}

tl::expected<RunMask, RleFault> Decode(std::string_view text, std::uint64_t pixels, bool strict) {
  RunMask mask{pixels, {}};
  auto pairs = ReadPairs(text);
  if (!pairs) return tl::unexpected(pairs.error());
  auto& [starts, lengths] = *pairs;
  if (!std::ranges::is_sorted(starts)) return tl::unexpected(RleFault::kUnsorted);
  auto positive = [](std::int64_t v) { return v > 0; };
  if (!std::ranges::all_of(starts, positive) || !std::ranges::all_of(lengths, positive))
    return tl::unexpected(RleFault::kNotPositive);
  if (strict && starts.size() != lengths.size()) return tl::unexpected(RleFault::kUnpaired);
  if (starts.size() == 2 && lengths.size() == 1) lengths.push_back(lengths[0]);
  if (starts.size() == 1 && lengths.empty()) return mask;
  if (starts.size() != lengths.size()) return tl::unexpected(RleFault::kUnpaired);
  std::uint64_t covered = 0;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    auto begin = static_cast<std::uint64_t>(starts[i] - 1);
    std::uint64_t end = EndOf(starts[i] - 1, lengths[i], pixels);
    bool outside = begin >= pixels || static_cast<std::uint64_t>(lengths[i]) > pixels - begin;
    if (strict && outside) return tl::unexpected(RleFault::kOutside);
    if (begin >= end) continue;
    if (begin < covered) return tl::unexpected(RleFault::kOverlap);
    if (!mask.runs.empty() && mask.runs.back().end == begin) {
      mask.runs.back().end = end;
    } else {
      mask.runs.push_back({begin, end});
    }
    covered = end;
  }
  return mask;
}

}  // namespace

std::uint64_t RunMask::Count() const {
  std::uint64_t count = 0;
  for (const PixelRun& run : runs) count += run.end - run.begin;
  return count;
}

std::string_view RleFaultText(RleFault fault) {
  static constexpr std::string_view kTexts[] = {
      "a token is not a whole number", "an odd count of numbers",      "a number is beyond 64 bits",
      "the starts are not sorted",     "a start or length is below 1", "runs overlap",
      "a run ends past the image",
  };
  return kTexts[static_cast<std::size_t>(fault)];
}

bool IsAssertion(RleFault fault) {
  return fault == RleFault::kUnsorted || fault == RleFault::kNotPositive ||
         fault == RleFault::kOverlap;
}

tl::expected<RunMask, RleFault> DecodeRle(std::string_view text, std::uint64_t pixels) {
  return Decode(text, pixels, false);
}

tl::expected<RunMask, RleFault> DecodeRleStrictly(std::string_view text, std::uint64_t pixels) {
  return Decode(text, pixels, true);
}

std::uint64_t CountCommon(const RunMask& a, const RunMask& b) {
  std::uint64_t common = 0;
  for (std::size_t i = 0, j = 0; i < a.runs.size() && j < b.runs.size();) {
    std::uint64_t begin = std::max(a.runs[i].begin, b.runs[j].begin);
    std::uint64_t end = std::min(a.runs[i].end, b.runs[j].end);
    if (begin < end) common += end - begin;
    (a.runs[i].end < b.runs[j].end ? i : j)++;
  }
  return common;
}

}  // namespace podium::scoring
