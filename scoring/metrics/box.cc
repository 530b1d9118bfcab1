#include "scoring/metrics/box.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "scoring/metrics/inputs.h"
#include "scoring/metrics/python_token.h"

namespace podium::scoring {
namespace {

std::string Shown(std::string_view token) { return "'" + Printable(token.substr(0, 40)) + "'"; }

tl::unexpected<Fault> BadCount(std::size_t found, std::size_t group) {
  return Raised("malformed_boxes",
                std::to_string(found) + " tokens are no multiple of " + std::to_string(group));
}

}  // namespace

Graded<std::vector<LabeledBox>> ParseLabeledBoxes(std::string_view text) {
  std::vector<LabeledBox> boxes;
  auto words = SplitWords(text);
  for (std::size_t i = 0; i < words.size(); i += 6) {
    LabeledBox box;
    box.label = words[i];
    for (std::size_t k = 1; k < 6; ++k) {
      if (i + k >= words.size()) return BadCount(words.size(), 6);
      auto value = ParseFloatToken(words[i + k]);
      if (!value) return Refused("not_a_number", Shown(words[i + k]) + " is not a number");
      (k == 1 ? box.confidence : box.box[k - 2]) = *value;
    }
    boxes.push_back(box);
  }
  return boxes;
}

Graded<std::vector<ClassBox>> ParseClassBoxes(std::string_view text) {
  auto pieces = SplitBlanks(text);
  std::vector<double> numbers;
  for (std::string_view piece : pieces) {
    auto value = ParseFloatToken(piece);
    if (!value) return Raised("not_a_number", Shown(piece) + " is not a number");
    numbers.push_back(*value);
  }
  if (numbers.size() % 6 != 0) return BadCount(numbers.size(), 6);
  std::vector<ClassBox> boxes;
  for (std::size_t i = 0; i < numbers.size(); i += 6) {
    if (!std::isfinite(numbers[i])) return Raised("not_finite", "a class is " + Shown(pieces[i]));
    boxes.push_back({std::trunc(numbers[i]),
                     numbers[i + 1],
                     {numbers[i + 2], numbers[i + 3], numbers[i + 4], numbers[i + 5]}});
  }
  return boxes;
}

Graded<std::vector<LabeledPoint>> ParseLabeledPoints(std::string_view text) {
  auto pieces = SplitBlanks(text);
  if (pieces.size() % 3 != 0)
    return Refused("malformed_points",
                   std::to_string(pieces.size()) + " tokens are no multiple of 3");
  std::vector<LabeledPoint> points;
  for (std::size_t i = 0; i < pieces.size(); i += 3) {
    auto x = ParseFloatToken(pieces[i + 1]);
    auto y = ParseFloatToken(pieces[i + 2]);
    if (!x || !y)
      return Raised("not_a_number", Shown(pieces[x ? i + 2 : i + 1]) + " is not a number");
    points.push_back({pieces[i], *x, *y});
  }
  return points;
}

double CornerIou(const std::array<double, 4>& a, const std::array<double, 4>& b) {
  double width = std::max(0.0, std::min(a[2], b[2]) - std::max(a[0], b[0]));
  double height = std::max(0.0, std::min(a[3], b[3]) - std::max(a[1], b[1]));
  double common = width * height;
  double total = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common;
  return total > 0 ? common / total : 0;
}

double SizeIou(const std::array<double, 4>& a, const std::array<double, 4>& b) {
  double width = std::fmin(a[0] + a[2], b[0] + b[2]) - std::fmax(a[0], b[0]);
  if (width <= 0) return 0;
  double height = std::fmin(a[1] + a[3], b[1] + b[3]) - std::fmax(a[1], b[1]);
  if (height <= 0) return 0;
  double common = width * height;
  return common / (a[2] * a[3] + b[2] * b[3] - common);
}

}  // namespace podium::scoring
