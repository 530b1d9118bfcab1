#pragma once

#include <cstdint>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace podium::scoring {

// Set pixels [begin, end), counted from 0 in the order that the encoding walks the image.
struct PixelRun {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// A binary mask as its runs: sorted, disjoint, none empty. Memory goes with the text that it came
// from, not with the image, so a hostile mask cannot ask for much.
struct RunMask {
  std::uint64_t pixels = 0;  // of the image
  std::vector<PixelRun> runs;

  [[nodiscard]] std::uint64_t Count() const;
};

enum class RleFault {
  kNotWholeNumbers,  // a token that Python's int() refuses
  kUnpaired,         // an odd count of five or more numbers
  kTooLarge,         // a number beyond 64 bits
  kUnsorted,         // starts that go down
  kNotPositive,      // a start or length below 1
  kOverlap,          // a pixel set twice
  kOutside,          // past the end of the image; DecodeRleStrictly alone
};
std::string_view RleFaultText(RleFault fault);
// Whether mle-bench's decoder asserts there (some graders turn that into "invalid submission");
// the others are Python's own exceptions.
[[nodiscard]] bool IsAssertion(RleFault fault);

// "start length start length ...", starts from 1, as mle-bench's rle_decode takes it: blank text is
// an empty mask; runs past the end of the image are cut off; a single number is an empty mask, and
// of three numbers the one length serves both starts (NumPy's broadcasting).
[[nodiscard]] tl::expected<RunMask, RleFault> DecodeRle(std::string_view text,
                                                        std::uint64_t pixels);

// The same without those three liberties: pairs alone, all of them inside the image.
[[nodiscard]] tl::expected<RunMask, RleFault> DecodeRleStrictly(std::string_view text,
                                                                std::uint64_t pixels);

// Pixels set in both masks of one image.
[[nodiscard]] std::uint64_t CountCommon(const RunMask& a, const RunMask& b);

}  // namespace podium::scoring
