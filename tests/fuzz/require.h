#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace podium::fuzz {

// Ends the program, which is a finding, where an invariant does not hold.
inline void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "invariant broken: %s\n", what);
  std::abort();
}

// The part of the input up to the first 0x1E (record separator), and the rest.
inline std::pair<std::string_view, std::string_view> Halves(std::string_view bytes) {
  std::size_t cut = bytes.find('\x1E');
  if (cut == std::string_view::npos) return {bytes, {}};
  return {bytes.substr(0, cut), bytes.substr(cut + 1)};
}

}  // namespace podium::fuzz
