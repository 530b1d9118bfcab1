#include <algorithm>
#include <cmath>
#include <limits>

#include "scoring/metrics/mask_metrics.h"

namespace podium::scoring {
namespace {

constexpr double kFar = std::numeric_limits<double>::infinity();

// The distance transform of one line after another, along one axis.
class LineTransform {
 public:
  explicit LineTransform(std::size_t length) : values_(length), roots_(length), cuts_(length + 1) {}

  // line[q] becomes min over p of line[p] + ((q - p) / scale)^2; `stride` apart in memory.
  void Run(double* line, std::size_t stride, double scale) {
    const std::size_t n = values_.size();
    for (std::size_t q = 0; q < n; ++q) values_[q] = line[q * stride];
    std::size_t parabolas = BuildEnvelope(scale * scale);
    if (parabolas == 0) return;
    std::size_t k = 0;
    for (std::size_t q = 0; q < n; ++q) {
      while (k + 1 < parabolas && cuts_[k + 1] < static_cast<double>(q)) ++k;
      double distance = (static_cast<double>(q) - static_cast<double>(roots_[k])) / scale;
      line[q * stride] = values_[roots_[k]] + distance * distance;
    }
  }

 private:
  // The lower envelope of the parabolas values_[p] + (q - p)^2 / scale_squared.
  std::size_t BuildEnvelope(double scale_squared) {
    std::size_t count = 0;
    for (std::size_t q = 0; q < values_.size(); ++q) {
      if (values_[q] == kFar) continue;
      while (count > 0 && Cut(roots_[count - 1], q, scale_squared) <= cuts_[count - 1]) --count;
      cuts_[count] = count == 0 ? -kFar : Cut(roots_[count - 1], q, scale_squared);
      roots_[count++] = q;
    }
    return count;
  }

  // Where the parabolas at p < q meet.
  [[nodiscard]] double Cut(std::size_t p, std::size_t q, double scale_squared) const {
    auto dp = static_cast<double>(p);
    auto dq = static_cast<double>(q);
    return ((values_[q] - values_[p]) * scale_squared + dq * dq - dp * dp) / (2 * (dq - dp));
  }

  std::vector<double> values_;
  std::vector<std::size_t> roots_;
  std::vector<double> cuts_;
};

struct Size {
  std::size_t depth, height, width;
};

// The square of the distance from each voxel of a grid to the nearest set one of `target`.
std::vector<double> SquaredDistances(const Volume& target, Size grid, const Volume& scale) {
  std::vector<double> field(grid.depth * grid.height * grid.width, kFar);
  auto at = [&](std::size_t z, std::size_t y, std::size_t x) {
    return (z * grid.height + y) * grid.width + x;
  };
  for (std::size_t z = 0; z < target.depth; ++z)
    for (std::size_t y = 0; y < target.height; ++y)
      for (std::size_t x = 0; x < target.width; ++x)
        if (target.set[(z * target.height + y) * target.width + x]) field[at(z, y, x)] = 0;
  LineTransform along_x(grid.width), along_y(grid.height), along_z(grid.depth);
  for (std::size_t z = 0; z < grid.depth; ++z) {
    for (std::size_t y = 0; y < grid.height; ++y)
      along_x.Run(&field[at(z, y, 0)], 1, static_cast<double>(scale.width));
    for (std::size_t x = 0; x < grid.width; ++x)
      along_y.Run(&field[at(z, 0, x)], grid.width, static_cast<double>(scale.height));
  }
  for (std::size_t i = 0; i < grid.height * grid.width; ++i)
    along_z.Run(&field[i], grid.height * grid.width, static_cast<double>(scale.depth));
  return field;
}

// The largest distance from a set voxel of `from` to the nearest of `to`.
double Directed(const Volume& from, const Volume& to, const Volume& scale) {
  Size grid{std::max(from.depth, to.depth), std::max(from.height, to.height),
            std::max(from.width, to.width)};
  std::vector<double> field = SquaredDistances(to, grid, scale);
  double largest = 0;
  for (std::size_t z = 0; z < from.depth; ++z)
    for (std::size_t y = 0; y < from.height; ++y)
      for (std::size_t x = 0; x < from.width; ++x)
        if (from.set[(z * from.height + y) * from.width + x])
          largest = std::max(largest, field[(z * grid.height + y) * grid.width + x]);
  return std::sqrt(largest);
}

}  // namespace

std::size_t Volume::Count() const {
  return static_cast<std::size_t>(std::ranges::count(set, std::uint8_t{1}));
}

double ScaledHausdorff(const Volume& predicted, const Volume& truth) {
  std::size_t predicted_count = predicted.Count();
  std::size_t true_count = truth.Count();
  if (predicted_count == 0 && true_count == 0) return std::numeric_limits<double>::quiet_NaN();
  if (predicted == truth) return 0;
  if (predicted_count == 0 || true_count == 0 || predicted_count > 10 * true_count) return 1;
  double distance = std::max(Directed(truth, predicted, truth), Directed(predicted, truth, truth));
  return distance / std::sqrt(3.0);
}

}  // namespace podium::scoring
