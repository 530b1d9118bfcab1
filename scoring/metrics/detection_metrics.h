#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "scoring/metrics/box.h"
#include "scoring/metrics/polygon.h"
#include "tables/fault.h"

namespace podium::scoring {

// Ground truth and predictions of one sample (image, page, lidar sweep).
struct Sample3d {
  std::vector<Box3d> truth;
  std::vector<Box3d> predicted;
};
// Lyft's 3-D mean average precision: over samples and the thresholds 0.50, 0.55, ... 0.95, the mean
// over the classes in the sample's truth of the area under the precision envelope. A match needs an
// intersection over union above the threshold; classes that the truth lacks cost nothing.
[[nodiscard]] Graded<double> LyftMap3d(std::span<const Sample3d> samples);

struct SampleBoxes {
  std::vector<LabeledBox> truth;
  std::vector<LabeledBox> predicted;
};
// siim-covid19's mean average precision: per class of the truth, scikit-learn's average precision
// over (hit, confidence) pairs, hits matched greedily at an intersection over union above 0.5;
// missed boxes are hits of confidence 0, samples with nothing of the class false ones of 0.
[[nodiscard]] Graded<double> SiimMap(std::vector<SampleBoxes> samples);

// Boxes of COCO annotations, by image.
struct CocoTruth {
  std::size_t image = 0;
  std::int64_t category = 0;
  std::array<double, 4> box{};
  double area = 0;
};
struct CocoDetection {
  std::size_t image = 0;
  double category = 0;
  double score = 0;
  std::array<double, 4> box{};
  double area = 0;
};
// pycocotools' average precision at an intersection over union of 0.4, 101 recall points, at most
// 100 detections an image and category, boxes of area 0 to 1e10. Annotations are numbered in the
// order given from `first_number`; as there, one numbered 0 never counts as matched. -1 where no
// category has a box.
[[nodiscard]] double CocoMap40(std::span<const CocoTruth> truth,
                               std::span<const CocoDetection> detections, std::size_t images,
                               std::size_t first_number = 0);

struct LabeledRect {
  std::string_view label;
  double x = 0, y = 0, width = 0, height = 0;
};
struct PageCounts {
  std::uint64_t hits = 0;
  std::uint64_t false_points = 0;
  std::uint64_t missed = 0;
};
// One page of kuzushiji: each rectangle takes the first unused point of its label that lies
// strictly inside.
[[nodiscard]] PageCounts MatchPage(std::span<const LabeledRect> truth,
                                   std::span<const LabeledPoint> points);
// F1 of summed counts; 0 where it is not defined.
[[nodiscard]] double F1(const PageCounts& counts);

}  // namespace podium::scoring
