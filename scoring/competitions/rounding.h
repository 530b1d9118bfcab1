#pragma once

#include <string>

namespace podium::scoring {

// Python's round(value, digits) of a float: the correctly rounded decimal.
[[nodiscard]] double RoundPython(double value, int digits);
// The same of a NumPy float64: value * 10^digits to the nearest even whole number, / 10^digits.
[[nodiscard]] double RoundNumpy(double value, int digits);

// The score as MLE-bench's Grader returns it, rounded to five decimals.
struct RoundedScore {
  double value = 0;
  std::string text;  // Python's repr: "0.5", "1.0", "nan"; "12" for a whole number
};
// `score_type`: what the original returns: "float", "float64", "int", or "float64-or-int" (a plain
// 0 where it is 0).
[[nodiscard]] RoundedScore RoundAs(double value, const std::string& score_type);

}  // namespace podium::scoring
