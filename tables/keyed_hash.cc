#include "tables/keyed_hash.h"

#include <sys/auxv.h>

#include <array>
#include <cstddef>
#include <cstring>

namespace podium {
namespace {

__extension__ using Product = unsigned __int128;

std::uint64_t Fold(std::uint64_t a, std::uint64_t b) {
  Product product = static_cast<Product>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

using Key = std::array<std::uint64_t, 2>;

// The kernel gives every program 16 random bytes (getauxval(3), AT_RANDOM).
Key MakeKey() {
  Key key{};
  if (const auto* random = reinterpret_cast<const void*>(::getauxval(AT_RANDOM)))
    std::memcpy(key.data(), random, sizeof key);
  key[0] ^= 0xA0761D6478BD642Full;
  key[1] ^= 0xE7037ED1A0B428DBull;
  return key;
}

const Key kKey = MakeKey();

std::uint64_t Word(const char* p, std::size_t bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, p, bytes);
  return word;
}

// The field of Fingerprint.
constexpr std::uint64_t kPrime = (std::uint64_t{1} << 61) - 1;
const std::uint64_t kPlace = kKey[0] >> 4;

// a * kPlace in it, not reduced to the end: what is below 2^63 stays so.
std::uint64_t TimesPlace(std::uint64_t a) {
  Product product = static_cast<Product>(a) * kPlace;
  return (static_cast<std::uint64_t>(product) & kPrime) + static_cast<std::uint64_t>(product >> 61);
}

// The last `bytes` (0 to 7) bytes of a text as a number.
std::uint64_t Tail(std::string_view text, std::size_t bytes) {
  const char* end = text.data() + text.size();
  if (bytes == 0) return 0;
  if (text.size() >= 8) return Word(end - 8, 8) >> (64 - 8 * bytes);
  if (bytes >= 4) return Word(end - bytes, 4) | Word(end - 4, 4) << (8 * bytes - 32);
  auto byte = [](const char* p) { return std::uint64_t{static_cast<unsigned char>(*p)}; };
  return byte(end - bytes) | byte(end - bytes + bytes / 2) << 8 | byte(end - 1) << 16;
}

}  // namespace

std::uint64_t Fingerprint(std::string_view text) {
  constexpr std::uint64_t kSevenBytes = (std::uint64_t{1} << 56) - 1;
  std::uint64_t sum = text.size() + 1;
  const char* p = text.data();
  std::size_t left = text.size();
  for (; left >= 8; p += 7, left -= 7) sum = TimesPlace(sum) + (Word(p, 8) & kSevenBytes);
  sum = TimesPlace(sum) + Tail(text, left);
  sum = (sum & kPrime) + (sum >> 61);
  return sum >= kPrime ? sum - kPrime : sum;
}

std::uint64_t KeyedHash(std::string_view text) {
  const char* p = text.data();
  std::size_t n = text.size();
  std::uint64_t h = kKey[1] ^ n;
  for (; n > 16; p += 16, n -= 16) h = Fold(Word(p, 8) ^ kKey[0], Word(p + 8, 8) ^ h);
  std::uint64_t low = n >= 8 ? Word(p, 8) : n > 0 ? Word(p, n) : 0;
  std::uint64_t high = n > 8 ? Word(p + 8, n - 8) : 0;
  return Fold(Fold(low ^ kKey[0], high ^ h), kKey[1] ^ kKey[0]);
}

std::uint64_t KeyedHash(std::int64_t value) {
  return Fold(Fold(static_cast<std::uint64_t>(value) ^ kKey[0], kKey[1]), kKey[1] ^ kKey[0]);
}

}  // namespace podium
