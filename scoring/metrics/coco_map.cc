#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "scoring/metrics/detection_metrics.h"

// COCOeval.evaluateImg and accumulate of pycocotools 2.0, for one threshold, one area range and 100
// detections.
namespace podium::scoring {
namespace {

constexpr double kThreshold = 0.4;
constexpr double kLargestArea = 1e10;
constexpr std::size_t kMaxDetections = 100;

bool OutOfRange(double area) { return area < 0 || area > kLargestArea; }

template <class T>
struct Numbered {
  const T* item = nullptr;
  std::size_t id = 0;
};

struct Detected {
  double score = 0;
  bool matched = false;
  bool ignored = false;
};

struct ImageResult {
  std::vector<Detected> detections;
  std::size_t counted_truths = 0;
};

using Truths = std::vector<Numbered<CocoTruth>>;
using Detections = std::vector<Numbered<CocoDetection>>;

// A falling stable sort where what is not a number comes last: argsort(-score, mergesort).
template <class Range, class Score>
void SortFalling(Range& range, Score score) {
  std::ranges::stable_sort(range, [&](const auto& a, const auto& b) {
    return score(a) > score(b) || (std::isnan(score(b)) && !std::isnan(score(a)));
  });
}

// The truth that a detection takes, or -1. Truths inside the area range come first.
int BestTruth(const CocoDetection& detection, const Truths& truths,
              const std::vector<bool>& taken) {
  double least = std::min(kThreshold, 1 - 1e-10);
  int best = -1;
  for (std::size_t g = 0; g < truths.size(); ++g) {
    if (taken[g]) continue;
    bool leaving_range = best >= 0 &&
                         !OutOfRange(truths[static_cast<std::size_t>(best)].item->area) &&
                         OutOfRange(truths[g].item->area);
    if (leaving_range) break;
    double iou = SizeIou(detection.box, truths[g].item->box);
    if (iou < least) continue;
    least = iou;
    best = static_cast<int>(g);
  }
  return best;
}

ImageResult EvaluateImage(Truths truths, Detections detections) {
  std::ranges::stable_sort(truths, {}, [](const auto& t) { return OutOfRange(t.item->area); });
  SortFalling(detections, [](const auto& d) { return d.item->score; });
  if (detections.size() > kMaxDetections) detections.resize(kMaxDetections);
  ImageResult out;
  out.counted_truths = static_cast<std::size_t>(
      std::ranges::count_if(truths, [](const auto& t) { return !OutOfRange(t.item->area); }));
  std::vector<bool> taken(truths.size());
  for (const auto& d : detections) {
    Detected result{d.item->score, false, false};
    int best = BestTruth(*d.item, truths, taken);
    if (best >= 0) {
      const auto& truth = truths[static_cast<std::size_t>(best)];
      // Matches are kept as the partner's number, and number 0 reads as no match.
      taken[static_cast<std::size_t>(best)] = d.id != 0;
      result.matched = truth.id != 0;
      result.ignored = OutOfRange(truth.item->area);
    }
    if (!result.matched && OutOfRange(d.item->area)) result.ignored = true;
    out.detections.push_back(result);
  }
  return out;
}

// The mean of the precision envelope at 101 recalls.
double AveragePrecision(const std::vector<Detected>& sorted, std::size_t truths) {
  std::vector<double> recalls, precisions;
  double hits = 0, misses = 0;
  for (const Detected& d : sorted) {
    hits += d.matched && !d.ignored;
    misses += !d.matched && !d.ignored;
    recalls.push_back(hits / static_cast<double>(truths));
    precisions.push_back(hits / (misses + hits + std::numeric_limits<double>::epsilon()));
  }
  for (std::size_t i = precisions.size(); i-- > 1;)
    precisions[i - 1] = std::max(precisions[i - 1], precisions[i]);
  double sum = 0;
  for (int r = 0; r <= 100; ++r) {
    double at = r * 0.01;  // numpy.linspace(0, 1, 101)
    auto place = static_cast<std::size_t>(std::ranges::lower_bound(recalls, at) - recalls.begin());
    if (place == recalls.size()) break;
    sum += precisions[place];
  }
  return sum / 101;
}

}  // namespace

double CocoMap40(std::span<const CocoTruth> truth, std::span<const CocoDetection> detections,
                 std::size_t images, std::size_t first_number) {
  std::set<std::int64_t> categories;
  std::map<std::pair<std::int64_t, std::size_t>, std::pair<Truths, Detections>> groups;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    categories.insert(truth[i].category);
    groups[{truth[i].category, truth[i].image}].first.push_back({&truth[i], first_number + i});
  }
  for (std::size_t i = 0; i < detections.size(); ++i) {
    double category = detections[i].category;
    if (!(std::abs(category) < 9e15)) continue;
    auto whole = static_cast<std::int64_t>(category);
    if (categories.contains(whole))
      groups[{whole, detections[i].image}].second.push_back({&detections[i], first_number + i});
  }
  double sum = 0;
  std::size_t counted = 0;
  for (std::int64_t category : categories) {
    std::vector<Detected> all;
    std::size_t truths = 0;
    for (auto it = groups.lower_bound({category, 0}); it != groups.upper_bound({category, images});
         ++it) {
      ImageResult result = EvaluateImage(std::move(it->second.first), std::move(it->second.second));
      all.insert(all.end(), result.detections.begin(), result.detections.end());
      truths += result.counted_truths;
    }
    if (truths == 0) continue;
    SortFalling(all, [](const Detected& d) { return d.score; });
    sum += AveragePrecision(all, truths);
    ++counted;
  }
  return counted == 0 ? -1 : sum / static_cast<double>(counted);
}

}  // namespace podium::scoring
