#pragma once

#include <cstdint>
#include <string_view>

namespace podium {

// Hashes under a random key of this process, so that nobody can write ids that collide. Values
// differ from process to process: no result may depend on them (on a Fingerprint it does with the
// chance that is said there). In the manner of wyhash: products of 128 bits, folded.
[[nodiscard]] std::uint64_t KeyedHash(std::string_view text);
[[nodiscard]] std::uint64_t KeyedHash(std::int64_t value);

// What stands for a text where texts are not compared: a polynomial over GF(2^61 - 1) of its length
// and its bytes, seven at a time, at a secret place (Carter and Wegman, "New hash functions", 1981,
// as in Poly1305). Two texts of n bytes, whoever wrote them, have the same with a chance of at most
// (n / 7 + 1) / 2^60.
[[nodiscard]] std::uint64_t Fingerprint(std::string_view text);

// For unordered containers of text that an agent wrote.
struct KeyedTextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return KeyedHash(text); }
};

}  // namespace podium
