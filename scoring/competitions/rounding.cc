#include "scoring/competitions/rounding.h"

#include <charconv>
#include <cmath>

#include "tables/frame/frame.h"

namespace podium::scoring {
namespace {

constexpr int kDigits = 5;

}  // namespace

double RoundPython(double value, int digits) {
  if (!std::isfinite(value) || std::abs(value) >= 1e22) return value;
  char text[64];
  auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, digits);
  double rounded = value;
  std::from_chars(text, end.ptr, rounded);
  return rounded;
}

double RoundNumpy(double value, int digits) {
  double power = std::pow(10.0, digits);
  double scaled = value * power;
  return std::isfinite(scaled) ? std::nearbyint(scaled) / power : value;
}

RoundedScore RoundAs(double value, const std::string& score_type) {
  bool whole = score_type == "int" || (score_type == "float64-or-int" && value == 0);
  if (whole && std::isfinite(value)) {
    char text[400];
    auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, 0);
    return {value, std::string(text, end.ptr)};
  }
  double rounded = score_type == "float" ? RoundPython(value, kDigits) : RoundNumpy(value, kDigits);
  return {rounded, PythonFloat(rounded)};
}

}  // namespace podium::scoring
