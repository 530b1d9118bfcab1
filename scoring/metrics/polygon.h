#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "tables/fault.h"

namespace podium::scoring {

struct Point {
  double x = 0;
  double y = 0;
};

// Corners in order, either way round.
using Polygon = std::vector<Point>;

// Signed by the way round: positive counter-clockwise.
[[nodiscard]] double SignedArea(const Polygon& polygon);

// The area that two convex polygons share, by clipping one at the other's edges (Sutherland &
// Hodgman 1974). Coordinates are taken relative to the first corner, so that boxes far from the
// origin lose no digits. 0 for fewer than three corners or corners that are not finite.
[[nodiscard]] double ConvexOverlap(const Polygon& a, const Polygon& b);

// A box on the ground turned about the vertical axis: Lyft's Box3D.
struct Box3d {
  std::string_view label;
  double confidence = 0;
  std::array<double, 3> centre{};
  std::array<double, 3> size{};  // width, length, height
  double yaw = 0;                // radians
};

// The corners of the box's base.
[[nodiscard]] Polygon GroundCorners(const Box3d& box);

// What Box3D's constructor refuses: sizes that are not positive, values that are not numbers,
// corners that are not square in doubles (infinite or enormous values).
[[nodiscard]] Graded<void> CheckBox3d(const Box3d& box);

// Volume of the intersection over that of the union, in [0, 1]. Both boxes must pass CheckBox3d.
[[nodiscard]] double Iou3d(const Box3d& a, const Box3d& b);

// "confidence x y z width length height yaw label ..." cut at single spaces, nine tokens a box;
// blank text is no box.
[[nodiscard]] Graded<std::vector<Box3d>> ParseBoxes3d(std::string_view text);

}  // namespace podium::scoring
