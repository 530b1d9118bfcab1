#pragma once

#include <cstddef>
#include <string_view>

namespace podium {

[[nodiscard]] bool IsAscii(std::string_view bytes);

// Where the first byte lies that Python's strict UTF-8 decoder refuses (surrogates, overlong forms,
// cut sequences), or size() where all are good.
[[nodiscard]] std::size_t FirstBadUtf8(std::string_view bytes);

// Decodes one code point at `pos` of valid UTF-8 and moves behind it.
[[nodiscard]] char32_t NextCodePoint(std::string_view text, std::size_t& pos);

}  // namespace podium
