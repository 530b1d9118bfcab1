#pragma once

#include <cstdint>
#include <string_view>

namespace podium {

// Hashes under a random key of this process, so that nobody can write ids that collide. Values
// differ from process to process: no result may depend on them. In the manner of wyhash: products
// of 128 bits, folded.
[[nodiscard]] std::uint64_t KeyedHash(std::string_view text);
[[nodiscard]] std::uint64_t KeyedHash(std::int64_t value);

// For unordered containers of text that an agent wrote.
struct KeyedTextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return KeyedHash(text); }
};

}  // namespace podium
