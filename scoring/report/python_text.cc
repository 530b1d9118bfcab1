#include "scoring/report/python_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <utility>
#include <vector>

#include "base/text.h"

namespace podium::scoring {
namespace {

// The shortest digits and the place of the point: value = 0.DIGITS * 10^point.
struct Digits {
  std::string digits;
  int point = 0;
};

Digits ShortestDigits(double magnitude) {
  std::array<char, 64> buffer{};
  auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), magnitude,
                           std::chars_format::scientific);
  std::string_view text(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  auto e = text.find('e');
  Digits out;
  for (char c : text.substr(0, e)) {
    if (c != '.') out.digits += c;
  }
  int exponent = 0;
  std::string_view power = text.substr(e + 1);
  if (power.starts_with('+')) power.remove_prefix(1);
  std::from_chars(power.data(), power.data() + power.size(), exponent);
  out.point = exponent + 1;
  return out;
}

std::string Scientific(const Digits& d) {
  std::string out = d.digits.substr(0, 1);
  if (d.digits.size() > 1) out += "." + d.digits.substr(1);
  int exponent = d.point - 1;
  std::string power = std::to_string(std::abs(exponent));
  if (power.size() < 2) power = "0" + power;
  return out + (exponent < 0 ? "e-" : "e+") + power;
}

std::string Fixed(const Digits& d) {
  auto n = static_cast<int>(d.digits.size());
  if (d.point <= 0) return "0." + std::string(static_cast<std::size_t>(-d.point), '0') + d.digits;
  if (d.point >= n)
    return d.digits + std::string(static_cast<std::size_t>(d.point - n), '0') + ".0";
  auto split = static_cast<std::size_t>(d.point);
  return d.digits.substr(0, split) + "." + d.digits.substr(split);
}

// The code point that begins `text` and its length in bytes; length 0 if that is no valid UTF-8.
std::pair<std::uint32_t, std::size_t> FirstCodePoint(std::string_view text) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(0);
  std::size_t length = lead < 0x80       ? 1
                       : lead >> 5 == 6  ? 2
                       : lead >> 4 == 14 ? 3
                       : lead >> 3 == 30 ? 4
                                         : 0;
  if (length == 0 || length > text.size()) return {0, 0};
  std::uint32_t code = length == 1 ? lead : lead & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (byte(i) >> 6 != 2) return {0, 0};
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  static constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kLeast[length] || code > 0x10FFFF || surrogate) return {0, 0};
  return {code, length};
}

std::string Escaped(std::uint32_t unit) {
  std::array<char, 8> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "\\u%04x", unit & 0xFFFFu);
  return buffer.data();
}

std::string EscapedCodePoint(std::uint32_t code) {
  if (code < 0x10000) return Escaped(code);
  code -= 0x10000;
  return Escaped(0xD800 + (code >> 10)) + Escaped(0xDC00 + (code & 0x3FF));
}

std::string AsciiInJson(char c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    default:
      return c >= 0x20 ? std::string(1, c) : Escaped(static_cast<unsigned char>(c));
  }
}

std::size_t EndOfString(std::string_view json, std::size_t open) {
  std::size_t i = open + 1;
  while (i < json.size() && json[i] != '"') i += json[i] == '\\' ? 2 : 1;
  return std::min(json.size(), i + 1);
}

}  // namespace

std::string PythonJsonFloat(double value) {
  if (std::isnan(value)) return "NaN";
  std::string sign = std::signbit(value) ? "-" : "";
  if (std::isinf(value)) return sign + "Infinity";
  if (value == 0) return sign + "0.0";
  Digits digits = ShortestDigits(std::abs(value));
  bool plain = digits.point > -4 && digits.point <= 16;
  return sign + (plain ? Fixed(digits) : Scientific(digits));
}

std::string PythonJsonString(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    auto [code, length] = FirstCodePoint(text);
    if (length == 1) {
      out += AsciiInJson(text[0]);
    } else if (length == 0) {
      out += Escaped(0xDC00u + static_cast<unsigned char>(text[0]));
    } else {
      out += EscapedCodePoint(code);
    }
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return out + '"';
}

std::string PythonPath(std::string_view path) {
  std::size_t slashes = std::min(path.find_first_not_of('/'), path.size());
  std::string root = slashes == 0 ? "" : slashes == 2 ? "//" : "/";
  std::vector<std::string> parts;
  for (std::string_view part : Split(path, '/')) {
    if (!part.empty() && part != ".") parts.emplace_back(part);
  }
  std::string out = root + Join(parts, "/");
  return out.empty() ? "." : out;
}

bool HasCsvSuffix(std::string_view path) {
  std::string normal = PythonPath(path);
  std::string_view name = std::string_view(normal).substr(normal.rfind('/') + 1);
  std::size_t dots = std::min(name.find_first_not_of('.'), name.size());
  std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot < dots) return false;
  std::string suffix(name.substr(dot));
  for (char& c : suffix) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return suffix == ".csv";
}

std::string QuoteBareNumbers(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (std::size_t i = 0; i < json.size();) {
    std::size_t end = i + 1;
    if (json[i] == '"') {
      end = EndOfString(json, i);
    } else {
      for (std::string_view token : {"NaN", "Infinity", "-Infinity"}) {
        if (json.substr(i).starts_with(token)) end = i + token.size();
      }
    }
    bool token = json[i] != '"' && end > i + 1;
    if (token) out += '"';
    out += json.substr(i, end - i);
    if (token) out += '"';
    i = end;
  }
  return out;
}

}  // namespace podium::scoring
