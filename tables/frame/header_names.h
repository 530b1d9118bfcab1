#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace podium {

// pandas' names for the columns of a header: "Unnamed: 2" for an empty cell, "a.1" for a repeated
// one (io/parsers/c_parser_wrapper.py).
[[nodiscard]] std::vector<std::string> MangledNames(std::span<const std::string_view> header);

}  // namespace podium
