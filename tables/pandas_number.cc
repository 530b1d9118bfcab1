#include "tables/pandas_number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <string>

#include "tables/frame/parse_number.h"

namespace podium {
namespace {

constexpr int kMaxDigits = 17;
constexpr int kMaxPower = 308;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// The decimal text as mantissa and power of ten.
struct Decimal {
  double mantissa = 0;
  int power = 0;
  int digits = 0;
};

bool TakeSign(std::string_view& rest) {
  bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  return negative;
}

Decimal TakeDigits(std::string_view& rest) {
  Decimal out;
  auto take = [&] {
    out.mantissa = out.mantissa * 10 + (rest[0] - '0');
    ++out.digits;
  };
  for (; !rest.empty() && IsDigit(rest[0]); rest.remove_prefix(1)) {
    if (out.digits < kMaxDigits) {
      take();
    } else {
      ++out.power;
    }
  }
  if (!rest.starts_with('.')) return out;
  rest.remove_prefix(1);
  for (; !rest.empty() && IsDigit(rest[0]); rest.remove_prefix(1)) {
    if (out.digits >= kMaxDigits) continue;
    take();
    --out.power;
  }
  return out;
}

// The exponent part; false when 'e' has no digits after it.
bool TakeExponent(std::string_view& rest, int& power) {
  if (rest.empty() || (rest[0] != 'e' && rest[0] != 'E')) return true;
  rest.remove_prefix(1);
  bool negative = TakeSign(rest);
  int value = 0;
  bool any = false;
  for (; !rest.empty() && IsDigit(rest[0]); rest.remove_prefix(1)) {
    value = std::min(value * 10 + (rest[0] - '0'), 100'000);
    any = true;
  }
  power += negative ? -value : value;
  return any;
}

// Powers of ten, correctly rounded: std::pow need not be.
double PowerOfTen(int n) {
  if (n < std::ssize(kExactPowersOfTen)) return kExactPowersOfTen[n];
  std::string text = "1e" + std::to_string(n);
  double power = 0;
  std::from_chars(text.data(), text.data() + text.size(), power);
  return power;
}

double Scale(double mantissa, int power) {
  if (power > kMaxPower) return mantissa == 0 ? 0 : std::numeric_limits<double>::infinity();
  if (power >= 0) return mantissa * PowerOfTen(power);
  if (power >= -kMaxPower) return mantissa / PowerOfTen(-power);
  int beyond = std::min(-power - kMaxPower, kMaxPower);
  return mantissa / PowerOfTen(beyond) / PowerOfTen(kMaxPower);
}

}  // namespace

std::optional<double> PandasDefaultNumber(std::string_view cell) {
  while (!cell.empty() && IsBlank(cell.front())) cell.remove_prefix(1);
  while (!cell.empty() && IsBlank(cell.back())) cell.remove_suffix(1);
  bool negative = TakeSign(cell);
  Decimal decimal = TakeDigits(cell);
  if (decimal.digits == 0) return std::nullopt;
  if (!TakeExponent(cell, decimal.power) || !cell.empty()) return std::nullopt;
  double value = Scale(decimal.mantissa, decimal.power);
  if (!std::isfinite(value)) return std::nullopt;
  return negative ? -value : value;
}

bool IsPandasMissing(std::string_view cell) {
  static constexpr std::string_view kMissing[] = {
      "",     "#N/A",   "#N/A N/A", "#NA",  "-1.#IND", "-1.#QNAN", "-NaN",
      "-nan", "1.#IND", "1.#QNAN",  "<NA>", "N/A",     "NA",       "NULL",
      "NaN",  "None",   "n/a",      "nan",  "null"};
  return std::ranges::find(kMissing, cell) != std::end(kMissing);
}

}  // namespace podium
