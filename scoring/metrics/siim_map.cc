#include <algorithm>
#include <cmath>
#include <set>

#include "scoring/metrics/detection_metrics.h"

namespace podium::scoring {
namespace {

struct Scored {
  bool hit = false;
  double score = 0;
};

// scikit-learn's average_precision_score: the sum over distinct scores, from high to low, of the
// recall gained times the precision there.
double AveragePrecision(std::vector<Scored> pairs) {
  std::ranges::stable_sort(pairs, std::ranges::greater(), &Scored::score);
  auto positives = static_cast<double>(std::ranges::count(pairs, true, &Scored::hit));
  double hits = 0, seen = 0, recall = 0, sum = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    hits += pairs[i].hit;
    ++seen;
    if (i + 1 < pairs.size() && pairs[i + 1].score == pairs[i].score) continue;
    sum += (hits / positives - recall) * (hits / seen);
    recall = hits / positives;
  }
  return std::max(0.0, sum);
}

// The pairs that one sample adds for a class; predictions are in falling confidence.
void AddPairs(const SampleBoxes& sample, std::string_view label, std::vector<Scored>& pairs) {
  std::vector<const LabeledBox*> open;
  for (const LabeledBox& t : sample.truth) {
    if (t.label == label) open.push_back(&t);
  }
  bool any = !open.empty();
  for (const LabeledBox& p : sample.predicted) {
    if (p.label != label) continue;
    any = true;
    auto best = open.end();
    double best_iou = 0.5;
    for (auto t = open.begin(); t != open.end(); ++t) {
      double iou = CornerIou(p.box, (*t)->box);
      if (iou > best_iou) {
        best_iou = iou;
        best = t;
      }
    }
    pairs.push_back({best != open.end(), p.confidence});
    if (best != open.end()) open.erase(best);
  }
  pairs.insert(pairs.end(), open.size(), Scored{true, 0});
  if (!any) pairs.push_back({false, 0});
}

void SortByConfidence(std::vector<LabeledBox>& boxes) {
  std::ranges::stable_sort(boxes, [](const LabeledBox& a, const LabeledBox& b) {
    return a.confidence > b.confidence || (std::isnan(b.confidence) && !std::isnan(a.confidence));
  });
}

}  // namespace

Graded<double> SiimMap(std::vector<SampleBoxes> samples) {
  std::set<std::string_view> classes;
  for (auto& sample : samples) {
    SortByConfidence(sample.predicted);
    for (const LabeledBox& t : sample.truth) classes.insert(t.label);
  }
  double sum = 0;
  for (std::string_view label : classes) {
    std::vector<Scored> pairs;
    for (const auto& sample : samples) AddPairs(sample, label, pairs);
    if (std::ranges::all_of(pairs, &Scored::hit))
      return Raised("undefined_metric",
                    "every pair of a class is a hit: average precision is undefined");
    if (!std::ranges::all_of(pairs, [](const Scored& p) { return std::isfinite(p.score); }))
      return Raised("not_finite", "a confidence is not finite");
    sum += AveragePrecision(std::move(pairs));
  }
  return classes.empty() ? 0 : sum / static_cast<double>(classes.size());
}

}  // namespace podium::scoring
