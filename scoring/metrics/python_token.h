#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace podium::scoring {

// Pieces of a prediction string as Python's built-ins cut and read them.

// str.split(): between runs of white space (Unicode's too), no empty pieces.
[[nodiscard]] std::vector<std::string_view> CutWords(std::string_view text);

// str.split(" "): at each single space, so "a  b" has an empty piece and "" is one empty piece.
[[nodiscard]] std::vector<std::string_view> CutAtSpaces(std::string_view text);

// Whether str.strip() leaves nothing.
[[nodiscard]] bool IsBlankText(std::string_view text);

// float(text): decimal and exponent form, "inf", "infinity" and "nan" in any case, white space
// around, single underscores between digits. None where Python raises ValueError.
[[nodiscard]] std::optional<double> ParseFloatToken(std::string_view text);

enum class IntToken { kOk, kInvalid, kTooLarge };
// int(text): a sign, digits, single underscores between them. kTooLarge is beyond 64 bits.
[[nodiscard]] IntToken ParseIntToken(std::string_view text, std::int64_t& out);

}  // namespace podium::scoring
