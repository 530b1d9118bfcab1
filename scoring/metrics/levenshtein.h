#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace podium::scoring {

// Edit distance (insert, delete, replace one symbol, each cost 1) by Myers' bit-parallel algorithm
// (1999) in Hyyro's blocked form (2003): O(|a| * |b| / 64) time, O(|a| + |b|) memory.
[[nodiscard]] std::size_t EditDistance(std::span<const std::uint32_t> a,
                                       std::span<const std::uint32_t> b);

// The same over the code points of valid UTF-8.
[[nodiscard]] std::size_t TextDistance(std::string_view a, std::string_view b);

}  // namespace podium::scoring
