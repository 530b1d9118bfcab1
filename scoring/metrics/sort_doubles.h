#pragma once

#include <vector>

namespace podium::scoring {

// Sorts numbers that are not NaN in ascending order: by their bits, eleven at a time, where there
// are many.
void SortDoubles(std::vector<double>& values);

}  // namespace podium::scoring
