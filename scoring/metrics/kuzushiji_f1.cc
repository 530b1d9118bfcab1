#include "scoring/metrics/detection_metrics.h"

namespace podium::scoring {

PageCounts MatchPage(std::span<const LabeledRect> truth, std::span<const LabeledPoint> points) {
  PageCounts out;
  std::vector<bool> used(points.size());
  for (const LabeledRect& r : truth) {
    bool found = false;
    for (std::size_t i = 0; i < points.size() && !found; ++i) {
      const LabeledPoint& p = points[i];
      found = !used[i] && r.x < p.x && p.x < r.x + r.width && r.y < p.y && p.y < r.y + r.height &&
              p.label == r.label;
      if (found) used[i] = true;
    }
    ++(found ? out.hits : out.missed);
  }
  out.false_points = points.size() - out.hits;
  return out;
}

double F1(const PageCounts& c) {
  if (c.hits == 0) return 0;
  auto hits = static_cast<double>(c.hits);
  double precision = hits / static_cast<double>(c.hits + c.false_points);
  double recall = hits / static_cast<double>(c.hits + c.missed);
  return 2 * precision * recall / (precision + recall);
}

}  // namespace podium::scoring
