#pragma once

#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "scoring/metric.h"

namespace podium::tests {

// Random input of one metric, a prediction that is as good as can be, and what must hold of it.
struct MetricCase {
  Frame predicted;
  Frame perfect;
  Frame truth;
  std::vector<std::string> targets;
  scoring::MetricParams params;
};

// How the scores of two parts make the score of the whole.
enum class Combine {
  kNone,
  kMean,        // the mean, weighted by rows
  kMeanSquare,  // the root of the mean of squares
};

struct MetricProperties {
  std::string_view metric;
  MetricCase (*make)(std::mt19937& rng, std::size_t rows);
  double best;   // of the perfect prediction
  double worst;  // bound of the other end; NaN: there is none
  Combine combine = Combine::kNone;
  bool doubled_rows_equal = true;  // every row twice gives the same score
  enum class Labels { kNone, kAnyNames, kSameOrder } labels = Labels::kNone;
};

// What GoogleTest prints of a parameter.
inline void PrintTo(const MetricProperties& properties, std::ostream* out) {
  *out << properties.metric;
}

// One entry for each metric of the catalogue.
[[nodiscard]] const std::vector<MetricProperties>& AllProperties();

}  // namespace podium::tests
