#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace podium::scoring {

// Numbers in a prediction string as Python's built-ins read them.

// float(text): decimal and exponent form, "inf", "infinity" and "nan" in any case, white space
// around, single underscores between digits. None where Python raises ValueError.
[[nodiscard]] std::optional<double> ParseFloatToken(std::string_view text);

enum class IntToken { kOk, kInvalid, kTooLarge };
// int(text): a sign, digits, single underscores between them. kTooLarge is beyond 64 bits.
[[nodiscard]] IntToken ParseIntToken(std::string_view text, std::int64_t& out);

}  // namespace podium::scoring
