#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace podium {

enum class ParseState { kOk, kInvalid, kOverflow };

// pandas' str_to_int64: blanks around, one sign, digits (pandas/_libs/src/parser/tokenizer.c). A
// number too large is kOverflow wherever it ends, "99999999999999999999.5" too.
[[nodiscard]] ParseState ParseInt64(std::string_view cell, std::int64_t& out);

// pandas' str_to_uint64. A number with a minus sign is kOk, sets `negative` and yields 0, as there.
[[nodiscard]] ParseState ParseUInt64(std::string_view cell, std::uint64_t& out, bool& negative);

// pandas' round_trip converter with its caller's infinities: blanks around, sign, digits with a
// point, exponent; "inf" and "infinity" in any case, with a sign, without blanks. Correctly
// rounded. A number above the largest double is refused, one below the smallest is -inf, as there.
[[nodiscard]] bool ParsePandasDouble(std::string_view cell, double& out);

// The common forms, inline; false says nothing but "look closer". "-0" is not among the whole
// numbers, for it is another as a float.
[[nodiscard]] inline bool ParsePlainInt(std::string_view cell, std::int64_t& out) {
  const char* p = cell.data();
  const char* end = p + cell.size();
  bool negative = p != end && *p == '-';
  if (negative) ++p;
  if (end - p < 1 || end - p > 18) return false;
  std::int64_t value = 0;
  for (; p != end; ++p) {
    auto digit = static_cast<unsigned>(*p - '0');
    if (digit > 9) return false;
    value = value * 10 + digit;
  }
  out = negative ? -value : value;
  return !negative || value != 0;
}

inline constexpr double kExactPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,
                                               1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13,
                                               1e14, 1e15, 1e16, 1e17, 1e18, 1e19};

// A sign, digits, a point and digits, with at most 19 digits and a mantissa that a double holds:
// both factors are exact, so the one rounding is the right one (Clinger 1990).
[[nodiscard]] inline bool ParsePlainDecimal(std::string_view cell, double& out) {
  const char* p = cell.data();
  const char* end = p + cell.size();
  bool negative = p != end && *p == '-';
  if (negative) ++p;
  if (end - p < 1 || end - p > 20) return false;
  std::uint64_t mantissa = 0;
  const char* point = end;
  for (const char* q = p; q != end; ++q) {
    auto digit = static_cast<unsigned>(*q - '0');
    if (digit <= 9) {
      mantissa = mantissa * 10 + digit;
    } else if (*q == '.' && point == end) {
      point = q;
    } else {
      return false;
    }
  }
  std::ptrdiff_t fraction = point == end ? 0 : end - point - 1;
  std::ptrdiff_t digits = end - p - (point == end ? 0 : 1);
  if (digits < 1 || digits > 19 || mantissa > (std::uint64_t{1} << 53)) return false;
  double value = static_cast<double>(mantissa) / kExactPowersOfTen[fraction];
  out = negative ? -value : value;
  return true;
}

// The same two for a cell whose end is not known: from `p` to the comma or line feed that must come
// somewhere. The end, or nullptr for "look closer".
[[nodiscard]] inline const char* ScanPlainInt(const char* p, std::int64_t& out) {
  bool negative = *p == '-';
  p += negative;
  const char* first = p;
  std::uint64_t value = 0;
  for (unsigned digit; (digit = static_cast<unsigned>(*p - '0')) <= 9; ++p)
    value = value * 10 + digit;
  auto others = static_cast<std::size_t>(p - first) - 1;
  if (others > 17 || (*p != ',' && *p != '\n') || (negative && value == 0)) return nullptr;
  out = negative ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
  return p;
}
[[nodiscard]] inline const char* ScanPlainDecimal(const char* p, double& out) {
  bool negative = *p == '-';
  p += negative;
  const char* first = p;
  std::uint64_t mantissa = 0;
  for (unsigned digit; (digit = static_cast<unsigned>(*p - '0')) <= 9; ++p)
    mantissa = mantissa * 10 + digit;
  std::ptrdiff_t digits = p - first;
  std::ptrdiff_t fraction = 0;
  if (*p == '.') {
    const char* behind = ++p;
    for (unsigned digit; (digit = static_cast<unsigned>(*p - '0')) <= 9; ++p)
      mantissa = mantissa * 10 + digit;
    fraction = p - behind;
    digits += fraction;
  }
  bool plain = digits >= 1 && digits <= 19 && mantissa <= (std::uint64_t{1} << 53) &&
               (*p == ',' || *p == '\n');
  if (!plain) return nullptr;
  double value = static_cast<double>(mantissa) / kExactPowersOfTen[fraction];
  out = negative ? -value : value;
  return p;
}

// Whether pandas takes the cell as missing: "", "NA", "nan", "None", ... (pandas 2's list of 19).
[[nodiscard]] bool IsNaWord(std::string_view cell);

// 1 for True, TRUE, true; 0 for False, FALSE, false; -1 for anything else.
[[nodiscard]] int ParsePandasBool(std::string_view cell);

}  // namespace podium
