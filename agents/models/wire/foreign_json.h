#pragma once

// For .cc files only, as base/json.h.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace podium::agents {

// JSON as servers and models write it, made into JSON of the standard: a byte order mark goes,
// bytes that are not UTF-8 and halves of surrogate pairs become U+FFFD, control characters inside a
// text are escaped, NaN, Infinity and numbers that no double holds become null. What is wrong
// otherwise stays so.
[[nodiscard]] std::string MendJson(std::string_view text);

// ParseJson of the mended text. Empty and blank texts are errors.
[[nodiscard]] Result<Json> ParseForeignJson(std::string_view text, std::string_view name);

// The JSON object that a model wrote into a text, from the first brace to the last; also where the
// whole is a text that holds one.
[[nodiscard]] std::optional<Json> ObjectInText(std::string_view text);

// A member that counts something: a whole number from 0 to 10^12, also as 11.0 or "11". Nothing
// where it is missing or cannot be read.
[[nodiscard]] std::optional<std::int64_t> ForeignCount(const Json& object, const char* key);

// A member that is a text, or a number as text; "" for all else.
[[nodiscard]] std::string ForeignText(const Json& object, const char* key);

}  // namespace podium::agents
