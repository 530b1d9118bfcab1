#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tables/fault.h"

namespace podium::scoring {

// One detection or ground-truth object of a prediction string.
struct LabeledBox {
  std::string_view label;
  double confidence = 0;
  std::array<double, 4> box{};  // as written: corners for siim-covid19, any four for COCO
};

// "label confidence xmin ymin xmax ymax ..." cut at white space, as siim-covid19's grader does: a
// count that is no multiple of six is kRaised (IndexError there), a bad number kRefused.
[[nodiscard]] Graded<std::vector<LabeledBox>> ParseLabeledBoxes(std::string_view text);

// "class confidence a b c d ..." cut at single spaces, all numbers, as vinbigdata's grader does.
struct ClassBox {
  double category = 0;  // cut to a whole number
  double score = 0;
  std::array<double, 4> box{};
};
[[nodiscard]] Graded<std::vector<ClassBox>> ParseClassBoxes(std::string_view text);

// "label x y label x y ..." (kuzushiji), cut at single spaces.
struct LabeledPoint {
  std::string_view label;
  double x = 0;
  double y = 0;
};
[[nodiscard]] Graded<std::vector<LabeledPoint>> ParseLabeledPoints(std::string_view text);

// Intersection over union of corner boxes [xmin, ymin, xmax, ymax]; 0 where the union is not
// positive. Corners given the wrong way round have negative sides, and count so.
[[nodiscard]] double CornerIou(const std::array<double, 4>& a, const std::array<double, 4>& b);

// Intersection over union of [x, y, width, height] boxes (pycocotools' bbIou).
[[nodiscard]] double SizeIou(const std::array<double, 4>& a, const std::array<double, 4>& b);

}  // namespace podium::scoring
