#pragma once

#include <optional>
#include <string_view>

namespace podium {

// A number as pandas' default CSV converter reads it (float_precision=None): at most 17 digits,
// leading zeros counted, gathered in a double and scaled once by a power of ten. Exact for short
// decimals; for 16 and more digits it may be off by a few units in the last place, which is what
// mle-bench's medal lines are made of. Blanks around the number are allowed.
[[nodiscard]] std::optional<double> PandasDefaultNumber(std::string_view cell);

// Whether pandas reads the cell as missing: its default list of NA words, the empty cell included.
[[nodiscard]] bool IsPandasMissing(std::string_view cell);

}  // namespace podium
