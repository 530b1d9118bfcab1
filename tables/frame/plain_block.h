#pragma once

#include <bit>
#include <cstddef>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace podium {

// The first comma, line feed or carriage return at or behind p, or end.
inline const char* FindCellEnd(const char* p, const char* end) {
#if defined(__SSE2__)
  const __m128i comma = _mm_set1_epi8(',');
  const __m128i feed = _mm_set1_epi8('\n');
  const __m128i carriage = _mm_set1_epi8('\r');
  while (end - p >= 16) {
    __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    __m128i hits =
        _mm_or_si128(_mm_cmpeq_epi8(block, comma),
                     _mm_or_si128(_mm_cmpeq_epi8(block, feed), _mm_cmpeq_epi8(block, carriage)));
    auto mask = static_cast<unsigned>(_mm_movemask_epi8(hits));
    if (mask != 0) return p + std::countr_zero(mask);
    p += 16;
  }
#endif
  while (p != end && *p != ',' && *p != '\n' && *p != '\r') ++p;
  return p;
}

// How often a byte occurs.
[[nodiscard]] std::size_t CountByte(std::string_view bytes, char byte);

// Whole lines of a table, the last one with its line feed, that need no tokenizer: UTF-8 without a
// quote, a carriage return or a NUL byte, so that every comma and line feed ends a cell. The first
// `max_bytes` at most, or a longer line; empty where the next lines are not plain.
[[nodiscard]] std::string_view NextPlainBlock(std::string_view bytes, std::size_t max_bytes);

}  // namespace podium
