#pragma once

#include <cstdint>
#include <vector>

namespace podium::scoring {

// A whole number for each double that is not NaN: keys are in the order of the doubles, equal where
// they are (0.0 and -0.0 too).
[[nodiscard]] std::uint64_t SortKey(double value);

// Sorts keys in ascending order: by their bits, eleven at a time, where there are many.
void SortKeys(std::vector<std::uint64_t>& keys);

}  // namespace podium::scoring
