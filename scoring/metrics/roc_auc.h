#pragma once

#include <cstdint>
#include <span>

namespace podium::scoring {

// Area under the ROC curve; tied scores count half. NaN where a class is missing. Scores are not
// NaN. Exact: whole numbers up to one division, so no order of rows changes a bit.
[[nodiscard]] double RocAucOf(std::span<const double> scores,
                              std::span<const std::uint8_t> positive);

// ALASKA2's area: the ROC curve cut into horizontal bands at the true-positive rates `bands`
// (0 = first, 1 = last), band i weighted by weights[i], divided by the weighted height. A cut
// between two points of the curve is interpolated. NaN where a class is missing.
[[nodiscard]] double BandedAucOf(std::span<const double> scores,
                                 std::span<const std::uint8_t> positive,
                                 std::span<const double> bands, std::span<const double> weights);

}  // namespace podium::scoring
