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

}  // namespace

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
