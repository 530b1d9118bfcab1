#pragma once

#include <cstdint>
#include <vector>

#include "scoring/metrics/rle.h"

namespace podium::scoring {

// 2 |A n B| / (|A| + |B|); `both_empty` where neither has a pixel.
[[nodiscard]] double Dice(const RunMask& a, const RunMask& b, double both_empty);

// F-beta with beta = 0.5 of the pixels of one image (scikit-learn's fbeta_score); 0 where nothing
// is set in either.
[[nodiscard]] double MaskFHalf(const RunMask& truth, const RunMask& predicted);

// tgs-salt's precision over the thresholds 0.50, 0.55, ... 0.95: the share of them that the
// intersection over union exceeds, in the doubles of numpy.arange, which lie a hair above the
// nominal values. An empty prediction of a non-empty mask is taken for the whole image, as the
// histogram of a constant array does there.
[[nodiscard]] double SaltPrecision(const RunMask& truth, const RunMask& predicted);
// The same by whole numbers: a threshold is what it says, an empty mask has no pixels.
[[nodiscard]] double ExactSaltPrecision(const RunMask& truth, const RunMask& predicted);

// Set voxels of a stack of images.
struct Volume {
  std::size_t depth = 0;
  std::size_t height = 0;
  std::size_t width = 0;
  std::vector<std::uint8_t> set;  // set[(z * height + y) * width + x]

  [[nodiscard]] std::size_t Count() const;
  bool operator==(const Volume&) const = default;
};

// The symmetric Hausdorff distance in the unit cube that `truth` is scaled to, over sqrt(3):
// uw-madison's half of its score. NaN where both are empty, 0 where they are equal, 1 where one is
// empty or the prediction has more than ten times the voxels. By exact distance transforms
// (Felzenszwalb & Huttenlocher 2012): time goes with the voxels, not with pairs of them.
[[nodiscard]] double ScaledHausdorff(const Volume& predicted, const Volume& truth);

}  // namespace podium::scoring
