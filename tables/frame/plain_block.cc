#include "tables/frame/plain_block.h"

#include <algorithm>
#include <cstring>

#include "tables/frame/utf8.h"

namespace podium {
namespace {

// Whole lines, or nothing where no line feed follows.
std::string_view WholeLines(std::string_view bytes, std::size_t max_bytes) {
  std::string_view block = bytes.substr(0, max_bytes);
  std::size_t feed = block.rfind('\n');
  if (feed == std::string_view::npos) feed = bytes.find('\n', block.size());
  return feed == std::string_view::npos ? std::string_view() : bytes.substr(0, feed + 1);
}

struct Facts {
  bool special = false;  // a quote, a carriage return or a NUL byte
  bool ascii = true;
};

Facts Look(std::string_view block) {
  Facts facts;
  const char* p = block.data();
  const char* end = p + block.size();
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i carriage = _mm_set1_epi8('\r');
  __m128i special = _mm_setzero_si128();
  __m128i high = _mm_setzero_si128();
  for (; end - p >= 16; p += 16) {
    __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    __m128i hits = _mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, carriage));
    special = _mm_or_si128(special, _mm_or_si128(hits, _mm_cmpeq_epi8(x, _mm_setzero_si128())));
    high = _mm_or_si128(high, x);
  }
  facts.special = _mm_movemask_epi8(special) != 0;
  facts.ascii = _mm_movemask_epi8(high) == 0;
#endif
  for (; p != end; ++p) {
    facts.special |= *p == '"' || *p == '\r' || *p == '\0';
    facts.ascii &= static_cast<unsigned char>(*p) < 0x80;
  }
  return facts;
}

}  // namespace

std::size_t CountByte(std::string_view bytes, char byte) {
  std::size_t count = 0;
  const char* p = bytes.data();
  const char* end = p + bytes.size();
#if defined(__SSE2__)
  const __m128i wanted = _mm_set1_epi8(byte);
  for (; end - p >= 16; p += 16) {
    __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    auto hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, wanted)));
    count += static_cast<std::size_t>(std::popcount(hits));
  }
#endif
  return count + static_cast<std::size_t>(std::count(p, end, byte));
}

std::string_view NextPlainBlock(std::string_view bytes, std::size_t max_bytes) {
  std::string_view block = WholeLines(bytes, max_bytes);
  Facts facts = Look(block);
  bool plain = !facts.special && (facts.ascii || FirstBadUtf8(block) == block.size());
  return plain ? block : std::string_view();
}

}  // namespace podium
