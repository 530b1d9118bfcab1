#include "tables/frame/utf8.h"

#include <cstdint>
#include <cstring>

namespace podium {
namespace {

std::size_t SkipAscii(std::string_view bytes, std::size_t i) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080ull;
  while (i + 8 <= bytes.size()) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    if (word & kHighBits) break;
    i += 8;
  }
  while (i < bytes.size() && static_cast<unsigned char>(bytes[i]) < 0x80) ++i;
  return i;
}

// The length of the well-formed sequence at `i` (Unicode 15, table 3-7), or 0.
std::size_t SequenceLength(std::string_view bytes, std::size_t i) {
  auto at = [&](std::size_t k) -> unsigned {
    return i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u;
  };
  auto in = [](unsigned byte, unsigned low, unsigned high) { return byte >= low && byte <= high; };
  unsigned lead = at(0);
  if (in(lead, 0xC2, 0xDF)) return in(at(1), 0x80, 0xBF) ? 2 : 0;
  if (in(lead, 0xE0, 0xEF)) {
    unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return in(at(1), low, high) && in(at(2), 0x80, 0xBF) ? 3 : 0;
  }
  if (in(lead, 0xF0, 0xF4)) {
    unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return in(at(1), low, high) && in(at(2), 0x80, 0xBF) && in(at(3), 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool IsAscii(std::string_view bytes) { return SkipAscii(bytes, 0) == bytes.size(); }

std::size_t FirstBadUtf8(std::string_view bytes) {
  std::size_t i = SkipAscii(bytes, 0);
  while (i < bytes.size()) {
    std::size_t length = SequenceLength(bytes, i);
    if (length == 0) return i;
    i = SkipAscii(bytes, i + length);
  }
  return i;
}

char32_t NextCodePoint(std::string_view text, std::size_t& pos) {
  auto byte = [&](std::size_t k) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[pos + k]));
  };
  char32_t lead = byte(0);
  std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t point = length == 1 ? lead : lead & (0x7Fu >> length);
  for (std::size_t k = 1; k < length; ++k) point = point << 6 | (byte(k) & 0x3F);
  pos += length;
  return point;
}

}  // namespace podium
