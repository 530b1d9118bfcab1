#pragma once

#include <string>
#include <string_view>

namespace podium::scoring {

// str.lower() of valid UTF-8 (with the final sigma) for the Latin, Greek, Cyrillic, Armenian,
// Georgian capitals, Roman numerals, circled and full-width letters; other scripts have no case or
// are left as they are.
[[nodiscard]] std::string LowerCase(std::string_view text);

}  // namespace podium::scoring
