#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace podium {

// The candidate nearest to `word` by Levenshtein distance, if it is near enough to be a slip of the
// keyboard; else empty, as for every word of more than kLongestSuggested bytes.
inline constexpr std::size_t kLongestSuggested = 64;
std::string Nearest(std::string_view word, std::span<const std::string> candidates,
                    std::size_t longest = kLongestSuggested);

// " Did you mean 'x'?" or "".
std::string Suggest(std::string_view word, std::span<const std::string> candidates,
                    std::size_t longest = kLongestSuggested);

std::vector<std::string_view> Split(std::string_view text, char separator);
std::string_view Trim(std::string_view text);
// ASCII letters alone, whatever the locale.
std::string Lower(std::string_view text);
std::string Join(std::span<const std::string> parts, std::string_view separator);

// "850 ms", "12.3 s", "4 min 05 s", "2 h 03 min".
std::string FormatDuration(std::chrono::milliseconds d);
// "512 B", "1.5 KiB", "2.0 GiB".
std::string FormatBytes(std::uint64_t bytes);
// Shortest text that reads back as the same double; "nan", "inf", "-inf".
std::string FormatDouble(double value);
// At most `digits` digits after the point, no trailing zeros: the form of scores in tables.
std::string FormatScore(double value, int digits = 5);

// Bytes from an agent made safe for a terminal and for JSON: invalid UTF-8 and control characters
// other than newline and tab become '?', characters that show nothing or turn the direction of
// others become their number, as in "\u{FEFF}".
std::string Printable(std::string_view text);

// The first and last part of a long text with a line between them that says how much is missing.
std::string HeadTail(std::string_view text, std::size_t head, std::size_t tail);

}  // namespace podium
