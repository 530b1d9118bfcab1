#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "scoring/metrics/detection_metrics.h"
#include "scoring/metrics/inputs.h"

namespace podium::scoring {
namespace {

constexpr double kThresholds[] = {0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95};

using ByClass = std::map<std::string_view, std::vector<const Box3d*>>;

ByClass GroupByClass(const std::vector<Box3d>& boxes) {
  ByClass out;
  for (const Box3d& box : boxes) out[box.label].push_back(&box);
  return out;
}

// A prediction's best ground truth: the first of the largest overlap.
struct Best {
  std::size_t truth = 0;
  double iou = 0;
};

std::vector<Best> BestOverlaps(const std::vector<const Box3d*>& truth,
                               const std::vector<const Box3d*>& predicted) {
  std::vector<Best> out;
  for (const Box3d* p : predicted) {
    Best best{0, -1};
    for (std::size_t t = 0; t < truth.size(); ++t) {
      double iou = Iou3d(*p, *truth[t]);
      if (iou > best.iou) best = {t, iou};
    }
    out.push_back(best);
  }
  return out;
}

// The area under the precision envelope (get_ap of Lyft's mAP_evaluation).
double EnvelopeArea(std::vector<double> recalls, std::vector<double> precisions) {
  recalls.insert(recalls.begin(), 0);
  recalls.push_back(1);
  precisions.insert(precisions.begin(), 0);
  precisions.push_back(0);
  for (std::size_t i = precisions.size() - 1; i > 0; --i)
    precisions[i - 1] = std::max(precisions[i - 1], precisions[i]);
  double area = 0;
  for (std::size_t i = 0; i + 1 < recalls.size(); ++i)
    area += (recalls[i + 1] - recalls[i]) * precisions[i + 1];
  return area;
}

double AveragePrecision(std::size_t truths, const std::vector<Best>& best, double threshold) {
  std::vector<bool> taken(truths);
  std::vector<double> recalls, precisions;
  double hits = 0;
  for (std::size_t i = 0; i < best.size(); ++i) {
    bool hit = best[i].iou > threshold && !taken[best[i].truth];
    if (hit) taken[best[i].truth] = true;
    hits += hit;
    recalls.push_back(hits / static_cast<double>(truths));
    precisions.push_back(hits / static_cast<double>(i + 1));
  }
  return EnvelopeArea(std::move(recalls), std::move(precisions));
}

Graded<void> CheckAll(const std::vector<const Box3d*>& boxes, bool truth) {
  for (const Box3d* box : boxes) {
    auto good = CheckBox3d(*box);
    if (!good && truth) return TaskFault("bad_answers", good.error().detail);
    if (!good) return good;
  }
  return {};
}

// Each threshold's mean over the classes of the truth, added to `sums`.
Graded<void> AddSample(const Sample3d& sample, std::vector<double>& values) {
  ByClass truth = GroupByClass(sample.truth);
  ByClass predicted = GroupByClass(sample.predicted);
  if (truth.empty()) return TaskFault("bad_answers", "a sample has no ground truth");
  double sums[std::size(kThresholds)] = {};
  for (const auto& [label, boxes] : truth) {
    auto mine = predicted.find(label);
    if (mine == predicted.end()) continue;
    GRADED_TRY(CheckAll(boxes, true));
    GRADED_TRY(CheckAll(mine->second, false));
    // Falling confidence, equal ones in their order; what is not a number comes last.
    std::ranges::stable_sort(mine->second, [](const Box3d* a, const Box3d* b) {
      return a->confidence > b->confidence ||
             (std::isnan(b->confidence) && !std::isnan(a->confidence));
    });
    auto best = BestOverlaps(boxes, mine->second);
    for (std::size_t t = 0; t < std::size(kThresholds); ++t)
      sums[t] += AveragePrecision(boxes.size(), best, kThresholds[t]);
  }
  for (double sum : sums) values.push_back(sum / static_cast<double>(truth.size()));
  return {};
}

}  // namespace

Graded<double> LyftMap3d(std::span<const Sample3d> samples) {
  std::vector<double> values;
  for (const Sample3d& sample : samples) GRADED_TRY(AddSample(sample, values));
  return NumpyMean(values);
}

}  // namespace podium::scoring
