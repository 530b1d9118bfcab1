#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace podium {
namespace {

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row.back();
}

// Length of the valid UTF-8 sequence at the front of `s`, 0 if there is none.
std::size_t Utf8Length(std::string_view s) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  unsigned char c = byte(0);
  std::size_t n = c < 0x80                ? 1
                  : c >= 0xC2 && c < 0xE0 ? 2
                  : c >= 0xE0 && c < 0xF0 ? 3
                  : c >= 0xF0 && c < 0xF5 ? 4
                                          : 0;
  if (n == 0 || s.size() < n) return 0;
  for (std::size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (n == 3 && ((c == 0xE0 && byte(1) < 0xA0) || (c == 0xED && byte(1) >= 0xA0))) return 0;
  if (n == 4 && ((c == 0xF0 && byte(1) < 0x90) || (c == 0xF4 && byte(1) >= 0x90))) return 0;
  return n;
}

// The code point of a valid sequence of `n` bytes.
char32_t CodePoint(std::string_view s, std::size_t n) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  if (n == 1) return byte(0);
  char32_t out = byte(0) & (0xFFu >> (n + 1));
  for (std::size_t i = 1; i < n; ++i) out = out << 6 | (byte(i) & 0x3F);
  return out;
}

// Characters that show nothing, or change the direction of what stands beside them (Unicode's
// Default_Ignorable_Code_Point without variation selectors, and the line separators): with them a
// text can look like another.
bool IsInvisible(char32_t c) {
  struct Range {
    char32_t first, last;
  };
  static constexpr Range kRanges[] = {
      {0xAD, 0xAD},     {0x34F, 0x34F},   {0x61C, 0x61C},   {0x115F, 0x1160},   {0x17B4, 0x17B5},
      {0x180B, 0x180E}, {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},   {0x3164, 0x3164},
      {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}};
  return std::ranges::any_of(kRanges, [c](Range r) { return c >= r.first && c <= r.last; });
}

std::string Escaped(char32_t c) {
  char out[16];
  std::snprintf(out, sizeof out, "\\u{%04X}", static_cast<unsigned>(c));
  return out;
}

}  // namespace

std::string Nearest(std::string_view word, std::span<const std::string> candidates,
                    std::size_t longest) {
  std::string best;
  // Nobody mistypes a name of this length; the distance costs the product of both lengths.
  if (word.size() > longest) return best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const auto& c : candidates) {
    std::size_t d = EditDistance(word, c);
    if (d < best_distance) {
      best_distance = d;
      best = c;
    }
  }
  return best;
}

std::string Suggest(std::string_view word, std::span<const std::string> candidates,
                    std::size_t longest) {
  std::string near = Nearest(word, candidates, longest);
  return near.empty() ? "" : " Did you mean '" + near + "'?";
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (;;) {
    std::size_t at = text.find(separator);
    out.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

std::string Join(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i) out += separator;
    out += parts[i];
  }
  return out;
}

std::string FormatDuration(std::chrono::milliseconds d) {
  char out[48];
  long long ms = d.count();
  if (ms < 1000) {
    std::snprintf(out, sizeof out, "%lld ms", ms);
  } else if (ms < 60'000) {
    std::snprintf(out, sizeof out, "%.1f s", static_cast<double>(ms) / 1000);
  } else if (ms < 3'600'000) {
    std::snprintf(out, sizeof out, "%lld min %02lld s", ms / 60'000, ms / 1000 % 60);
  } else {
    std::snprintf(out, sizeof out, "%lld h %02lld min", ms / 3'600'000, ms / 60'000 % 60);
  }
  return out;
}

std::string FormatBytes(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  char out[48];
  std::snprintf(out, sizeof out, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return out;
}

std::string FormatDouble(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char out[64];
  auto end = std::to_chars(out, out + sizeof out, value).ptr;
  return {out, end};
}

std::string FormatScore(double value, int digits) {
  if (!std::isfinite(value)) return FormatDouble(value);
  char out[400];
  std::snprintf(out, sizeof out, "%.*f", digits, value);
  std::string text = out;
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t n = Utf8Length(text);
    unsigned char c = static_cast<unsigned char>(text[0]);
    bool c1 = n == 2 && c == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
    bool control = n == 1 && ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F);
    if (n == 0 || control || c1) {
      out += '?';
    } else if (char32_t point = n > 1 ? CodePoint(text, n) : 0; IsInvisible(point)) {
      out += Escaped(point);
    } else {
      out.append(text.substr(0, n));
    }
    text.remove_prefix(n == 0 ? 1 : n);
  }
  return out;
}

std::string HeadTail(std::string_view text, std::size_t head, std::size_t tail) {
  if (text.size() <= head + tail) return std::string(text);
  return std::string(text.substr(0, head)) + "\n... (" + std::to_string(text.size() - head - tail) +
         " bytes left out) ...\n" + std::string(text.substr(text.size() - tail));
}

}  // namespace podium
