#include "scoring/metrics/mask_metrics.h"

namespace podium::scoring {

double Dice(const RunMask& a, const RunMask& b, double both_empty) {
  std::uint64_t total = a.Count() + b.Count();
  if (total == 0) return both_empty;
  return static_cast<double>(2 * CountCommon(a, b)) / static_cast<double>(total);
}

double MaskFHalf(const RunMask& truth, const RunMask& predicted) {
  constexpr double kBetaSquared = 0.25;
  auto hits = static_cast<double>(CountCommon(truth, predicted));
  double below =
      kBetaSquared * static_cast<double>(truth.Count()) + static_cast<double>(predicted.Count());
  return below == 0 ? 0 : (1 + kBetaSquared) * hits / below;
}

double SaltPrecision(const RunMask& truth, const RunMask& predicted) {
  std::uint64_t true_pixels = truth.Count();
  std::uint64_t predicted_pixels = predicted.Count();
  if (true_pixels == 0) return predicted_pixels == 0 ? 1 : 0;
  std::uint64_t common = CountCommon(truth, predicted);
  if (predicted_pixels == 0) {
    predicted_pixels = truth.pixels;
    common = true_pixels;
  }
  double iou =
      static_cast<double>(common) / static_cast<double>(true_pixels + predicted_pixels - common);
  constexpr double kStep = 0.55 - 0.5;  // as numpy.arange(0.5, 1, 0.05) takes it
  double passed = 0;
  for (int i = 0; i < 10; ++i) passed += iou > 0.5 + i * kStep;
  return passed / 10;
}

double ExactSaltPrecision(const RunMask& truth, const RunMask& predicted) {
  std::uint64_t common = CountCommon(truth, predicted);
  std::uint64_t united = truth.Count() + predicted.Count() - common;
  if (united == 0) return 1;
  double passed = 0;
  for (std::uint64_t twentieths = 10; twentieths < 20; ++twentieths)
    passed += 20 * common > twentieths * united;
  return passed / 10;
}

}  // namespace podium::scoring
