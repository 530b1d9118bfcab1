#include "scoring/metrics/polygon.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "scoring/metrics/inputs.h"
#include "scoring/metrics/python_token.h"

namespace podium::scoring {
namespace {

// Positive when c lies left of the line from a to b.
double Side(Point a, Point b, Point c) {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

Point Between(Point p, Point q, double side_p, double side_q) {
  double t = side_p / (side_p - side_q);
  return {p.x + t * (q.x - p.x), p.y + t * (q.y - p.y)};
}

// The part of `polygon` that lies left of the line from a to b.
Polygon ClipLeft(const Polygon& polygon, Point a, Point b) {
  Polygon out;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    Point p = polygon[i];
    Point q = polygon[(i + 1) % polygon.size()];
    double side_p = Side(a, b, p);
    double side_q = Side(a, b, q);
    if (side_p >= 0) out.push_back(p);
    if ((side_p > 0 && side_q < 0) || (side_p < 0 && side_q > 0))
      out.push_back(Between(p, q, side_p, side_q));
  }
  return out;
}

bool IsProper(const Polygon& polygon) {
  return polygon.size() >= 3 && std::ranges::all_of(polygon, [](Point p) {
           return std::isfinite(p.x) && std::isfinite(p.y);
         });
}

// Moved so that `origin` is 0, and counter-clockwise.
Polygon Normalized(Polygon polygon, Point origin) {
  for (Point& p : polygon) p = {p.x - origin.x, p.y - origin.y};
  if (SignedArea(polygon) < 0) std::ranges::reverse(polygon);
  return polygon;
}

// numpy.isclose(dot, 0).
bool IsSquare(Point corner, Point b, Point c) {
  double dot = (b.x - corner.x) * (c.x - corner.x) + (b.y - corner.y) * (c.y - corner.y);
  return std::abs(dot) <= 1e-8;
}

}  // namespace

double SignedArea(const Polygon& polygon) {
  double twice = 0;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    Point p = polygon[i];
    Point q = polygon[(i + 1) % polygon.size()];
    twice += p.x * q.y - q.x * p.y;
  }
  return twice / 2;
}

double ConvexOverlap(const Polygon& a, const Polygon& b) {
  if (!IsProper(a) || !IsProper(b)) return 0;
  Polygon left = Normalized(a, a[0]);
  const Polygon right = Normalized(b, a[0]);
  for (std::size_t i = 0; i < right.size() && !left.empty(); ++i)
    left = ClipLeft(left, right[i], right[(i + 1) % right.size()]);
  return left.size() < 3 ? 0 : std::max(0.0, SignedArea(left));
}

Polygon GroundCorners(const Box3d& box) {
  // The quaternion of the yaw, turned back into a rotation matrix.
  double w = std::cos(box.yaw / 2);
  double z = std::sin(box.yaw / 2);
  double cosine = w * w - z * z;
  double sine = 2 * w * z;
  double along = box.size[1] / 2;
  double across = box.size[0] / 2;
  auto corner = [&](double a, double b) {
    return Point{box.centre[0] + a * along * cosine + b * across * sine,
                 box.centre[1] + a * along * sine - b * across * cosine};
  };
  return {corner(1, 1), corner(1, -1), corner(-1, -1), corner(-1, 1)};
}

Graded<void> CheckBox3d(const Box3d& box) {
  bool nan = std::isnan(box.yaw);
  for (double v : box.centre) nan |= std::isnan(v);
  for (double v : box.size) nan |= std::isnan(v);
  // The quaternion of an infinite angle is not a number.
  if (nan || std::isinf(box.yaw))
    return Raised("not_finite", "a box has a value that is not a number");
  for (double v : box.size) {
    if (!(v > 0)) return Raised("bad_box", "a box has a size that is not positive");
  }
  Polygon p = GroundCorners(box);
  bool square = IsSquare(p[0], p[1], p[3]) && IsSquare(p[1], p[0], p[2]) &&
                IsSquare(p[2], p[1], p[3]) && IsSquare(p[3], p[0], p[2]);
  if (!square)
    return Raised("bad_box", "a box is too large or too far for its corners to be square");
  return {};
}

double Iou3d(const Box3d& a, const Box3d& b) {
  double bottom = std::max(a.centre[2] - a.size[2] / 2, b.centre[2] - b.size[2] / 2);
  double top = std::min(a.centre[2] + a.size[2] / 2, b.centre[2] + b.size[2] / 2);
  double height = std::max(0.0, top - bottom);
  double common = height * ConvexOverlap(GroundCorners(a), GroundCorners(b));
  auto volume = [](const Box3d& box) { return box.size[0] * box.size[1] * box.size[2]; };
  return std::clamp(common / (volume(a) + volume(b) - common), 0.0, 1.0);
}

Graded<std::vector<Box3d>> ParseBoxes3d(std::string_view text) {
  std::vector<Box3d> boxes;
  if (StripBlanks(text).empty()) return boxes;
  auto pieces = SplitBlanks(text);
  if (pieces.size() % 9 != 0)
    return Refused("malformed_boxes",
                   std::to_string(pieces.size()) + " tokens are no multiple of 9");
  for (std::size_t i = 0; i < pieces.size(); i += 9) {
    std::array<double, 8> v{};
    for (std::size_t k = 0; k < v.size(); ++k) {
      auto value = ParseFloatToken(pieces[i + k]);
      if (!value)
        return Raised("not_a_number",
                      "'" + Printable(pieces[i + k].substr(0, 40)) + "' is not a number");
      v[k] = *value;
    }
    boxes.push_back({pieces[i + 8], v[0], {v[1], v[2], v[3]}, {v[4], v[5], v[6]}, v[7]});
  }
  return boxes;
}

}  // namespace podium::scoring
