#include "tables/frame/parse_number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <system_error>

namespace podium {
namespace {

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The number's parts, in a cell whose leading blanks are gone.
struct Decimal {
  bool negative = false;
  std::uint64_t mantissa = 0;  // the first 19 significant digits
  int digits = 0;              // how many those are
  bool truncated = false;      // there are more
  std::int64_t exponent = 0;   // of ten, to be applied to the mantissa
  const char* end = nullptr;   // behind the number
  bool any = false;            // a digit was seen before the exponent
  bool bad_exponent = false;   // an 'e' without digits
};

const char* ScanDigits(const char* p, const char* end, Decimal& d, bool fraction) {
  for (; p != end && IsDigit(*p); ++p) {
    d.any = true;
    if (d.digits == 19) {
      d.truncated = true;
      d.exponent += fraction ? 0 : 1;
      continue;
    }
    if (d.digits != 0 || *p != '0') {
      d.mantissa = d.mantissa * 10 + static_cast<std::uint64_t>(*p - '0');
      ++d.digits;
    }
    if (fraction) --d.exponent;
  }
  return p;
}

const char* ScanExponent(const char* p, const char* end, Decimal& d) {
  ++p;
  bool negative = false;
  if (p != end && (*p == '+' || *p == '-')) negative = *p++ == '-';
  d.bad_exponent = p == end || !IsDigit(*p);
  std::int64_t value = 0;
  for (; p != end && IsDigit(*p); ++p)
    value = std::min<std::int64_t>(value * 10 + (*p - '0'), 1 << 20);
  d.exponent += negative ? -value : value;
  return p;
}

Decimal ScanDecimal(const char* p, const char* end) {
  Decimal d;
  if (p != end && (*p == '+' || *p == '-')) d.negative = *p++ == '-';
  p = ScanDigits(p, end, d, false);
  if (p != end && *p == '.') p = ScanDigits(p + 1, end, d, true);
  if (p != end && (*p == 'e' || *p == 'E')) p = ScanExponent(p, end, d);
  d.end = p;
  return d;
}

constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// Clinger's fast path: both factors are exact, so the one rounding is the right one.
bool ExactProduct(const Decimal& d, double& out) {
  bool exact = !d.truncated && d.mantissa <= (std::uint64_t{1} << 53) && d.exponent >= -22 &&
               d.exponent <= 22;
  if (!exact) return false;
  double value = static_cast<double>(d.mantissa);
  value = d.exponent < 0 ? value / kPowersOfTen[static_cast<std::size_t>(-d.exponent)]
                         : value * kPowersOfTen[static_cast<std::size_t>(d.exponent)];
  out = d.negative ? -value : value;
  return true;
}

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
  });
}

bool ParseInfinity(std::string_view cell, double& out) {
  bool negative = cell.starts_with('-');
  std::string_view word = negative || cell.starts_with('+') ? cell.substr(1) : cell;
  if (!EqualsIgnoringCase(word, "inf") && !EqualsIgnoringCase(word, "infinity")) return false;
  out =
      negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  return true;
}

// from_chars for what the fast path leaves; it says "out of range" for both ends.
bool SlowDouble(const char* begin, const Decimal& d, double& out) {
  const char* digits = *begin == '+' || *begin == '-' ? begin + 1 : begin;
  double value = 0;
  auto [end, ec] = std::from_chars(digits, d.end, value);
  (void)end;
  if (ec == std::errc::result_out_of_range) {
    bool tiny = d.mantissa == 0 || d.exponent + d.digits < 0;
    if (!tiny && !d.negative) return false;
    value = tiny ? 0 : std::numeric_limits<double>::infinity();
  }
  out = d.negative ? -value : value;
  return true;
}

bool AllSpace(const char* p, const char* end) { return std::all_of(p, end, IsSpace); }

}  // namespace

ParseState ParseInt64(std::string_view cell, std::int64_t& out) {
  const char* p = cell.data();
  const char* end = p + cell.size();
  while (p != end && IsSpace(*p)) ++p;
  bool negative = p != end && *p == '-';
  if (p != end && (*p == '-' || *p == '+')) ++p;
  if (p == end || !IsDigit(*p)) return ParseState::kInvalid;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const std::uint64_t limit = negative ? kMax + 1 : kMax;
  std::uint64_t value = 0;
  for (; p != end && IsDigit(*p); ++p) {
    auto digit = static_cast<std::uint64_t>(*p - '0');
    if (value > (limit - digit) / 10) return ParseState::kOverflow;
    value = value * 10 + digit;
  }
  if (!AllSpace(p, end)) return ParseState::kInvalid;
  out = static_cast<std::int64_t>(negative ? 0 - value : value);
  return ParseState::kOk;
}

ParseState ParseUInt64(std::string_view cell, std::uint64_t& out, bool& negative) {
  const char* p = cell.data();
  const char* end = p + cell.size();
  while (p != end && IsSpace(*p)) ++p;
  if (p != end && *p == '-') {
    negative = true;
    out = 0;
    return ParseState::kOk;
  }
  if (p != end && *p == '+') ++p;
  if (p == end || !IsDigit(*p)) return ParseState::kInvalid;
  std::uint64_t value = 0;
  for (; p != end && IsDigit(*p); ++p) {
    auto digit = static_cast<std::uint64_t>(*p - '0');
    if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10)
      return ParseState::kOverflow;
    value = value * 10 + digit;
  }
  if (!AllSpace(p, end)) return ParseState::kInvalid;
  out = value;
  return ParseState::kOk;
}

bool ParsePandasDouble(std::string_view cell, double& out) {
  const char* p = cell.data();
  const char* end = p + cell.size();
  if (ParsePlainDecimal(cell, out)) return true;
  while (p != end && IsSpace(*p)) ++p;
  Decimal d = ScanDecimal(p, end);
  bool number = d.any && !d.bad_exponent && AllSpace(d.end, end);
  if (!number) return ParseInfinity(cell, out);
  return ExactProduct(d, out) || SlowDouble(p, d, out);
}

bool IsNaWord(std::string_view cell) {
  if (cell.empty()) return true;
  if (cell.size() > 9) return false;
  char c = cell[0];
  if (c != '#' && c != '-' && c != '1' && c != '<' && c != 'N' && c != 'n') return false;
  static constexpr std::string_view kWords[] = {
      "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
      "<NA>", "N/A",      "NA",  "NULL",    "NaN",      "None", "n/a",  "nan",    "null"};
  return std::ranges::find(kWords, cell) != std::end(kWords);
}

int ParsePandasBool(std::string_view cell) {
  if (cell == "True" || cell == "TRUE" || cell == "true") return 1;
  if (cell == "False" || cell == "FALSE" || cell == "false") return 0;
  return -1;
}

}  // namespace podium
