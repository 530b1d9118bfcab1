// Metrics of class labels, with the behaviour of scikit-learn 1.9's functions of like names.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/text.h"
#include "scoring/metrics/inputs.h"
#include "scoring/metrics/metrics.h"

namespace podium::scoring {
namespace {

// Rows by (truth, predicted) would be classes squared: the margins are enough for most metrics.
struct Margins {
  std::vector<double> both;  // by class: predicted and true
  std::vector<double> predicted;
  std::vector<double> truth;
  double rows = 0;
  double right = 0;
};

Margins CountMargins(const LabelPair& labels) {
  Margins m;
  m.both.resize(labels.classes);
  m.predicted.resize(labels.classes);
  m.truth.resize(labels.classes);
  m.rows = static_cast<double>(labels.truth.size());
  for (std::size_t i = 0; i < labels.truth.size(); ++i) {
    ++m.predicted[labels.predicted[i]];
    ++m.truth[labels.truth[i]];
    if (labels.predicted[i] == labels.truth[i]) ++m.both[labels.truth[i]];
  }
  for (double n : m.both) m.right += n;
  return m;
}

}  // namespace

// Rows with the right label / rows.
Graded<double> Accuracy(const MetricInput& in) {
  GRADED_ASSIGN(auto labels, LabelsOf(in));
  Margins m = CountMargins(labels);
  return m.right / m.rows;
}

Graded<double> ErrorRate(const MetricInput& in) {
  GRADED_ASSIGN(double accuracy, Accuracy(in));
  return 1 - accuracy;
}

// Mean over the labels that occur on either side of 2 TP / (2 TP + FP + FN).
Graded<double> F1Macro(const MetricInput& in) {
  GRADED_ASSIGN(auto labels, LabelsOf(in));
  Margins m = CountMargins(labels);
  std::vector<double> f1(labels.classes);
  for (std::size_t c = 0; c < f1.size(); ++c) f1[c] = 2 * m.both[c] / (m.predicted[c] + m.truth[c]);
  return NumpyMean(f1);
}

namespace {

// The place of each label that occurs: its index, or its place in params.labels.
Graded<std::vector<double>> LabelPlaces(const MetricInput& in, const LabelPair& labels) {
  std::vector<double> places(labels.classes);
  auto found = in.params.find("labels");
  if (found == in.params.end()) {
    for (std::size_t c = 0; c < places.size(); ++c) places[c] = static_cast<double>(c);
    return places;
  }
  GRADED_ASSIGN(const Column* predicted, in.Predicted());
  GRADED_ASSIGN(const Column* truth, in.Truth());
  const auto& known = found->second.list;
  auto place = [&](const Column& column, const std::vector<std::uint32_t>& codes) -> Graded<void> {
    for (std::size_t i = 0; i < codes.size(); ++i) {
      bool text = column.dtype == DType::kObject;
      std::string label = text ? column.Str(i) : FormatDouble(column.number(i));
      auto at = std::ranges::find(known, label);
      if (at == known.end())
        return Refused("out_of_range", "row " + std::to_string(i + 1) + ": the label " +
                                           Printable(label.substr(0, 60)) + " is not known");
      places[codes[i]] = static_cast<double>(at - known.begin());
    }
    return {};
  };
  GRADED_TRY(place(*predicted, labels.predicted));
  GRADED_TRY(place(*truth, labels.truth));
  return places;
}

}  // namespace

// Cohen's kappa with weights (i - j)^2 between the i-th and j-th label: of those that occur, as in
// scikit-learn (not between their values), or of params.labels. NaN where both sides are one and
// the same label, as in scikit-learn.
Graded<double> QuadraticWeightedKappa(const MetricInput& in) {
  GRADED_ASSIGN(auto labels, LabelsOf(in));
  GRADED_ASSIGN(auto places, LabelPlaces(in, labels));
  Margins m = CountMargins(labels);
  // With quadratic weights the expected sum needs the margins' moments only.
  double sum_p = 0;
  double sum_t = 0;
  double squares_p = 0;
  double squares_t = 0;
  for (std::size_t c = 0; c < labels.classes; ++c) {
    sum_p += places[c] * m.predicted[c];
    sum_t += places[c] * m.truth[c];
    squares_p += places[c] * places[c] * m.predicted[c];
    squares_t += places[c] * places[c] * m.truth[c];
  }
  double expected = squares_p + squares_t - 2 * sum_p * sum_t / m.rows;
  double observed = 0;
  for (std::size_t i = 0; i < labels.truth.size(); ++i) {
    double distance = places[labels.predicted[i]] - places[labels.truth[i]];
    observed += distance * distance;
  }
  if (expected == 0) return std::numeric_limits<double>::quiet_NaN();
  return 1 - observed / expected;
}

// Matthews' correlation for any number of classes (Gorodkin 2004, R_K); 0 where a side is constant.
Graded<double> MatthewsCorrelation(const MetricInput& in) {
  GRADED_ASSIGN(auto labels, LabelsOf(in));
  Margins m = CountMargins(labels);
  double cross = 0;
  double predicted = 0;
  double truth = 0;
  for (std::size_t c = 0; c < labels.classes; ++c) {
    cross += m.predicted[c] * m.truth[c];
    predicted += m.predicted[c] * m.predicted[c];
    truth += m.truth[c] * m.truth[c];
  }
  double spread = (m.rows * m.rows - predicted) * (m.rows * m.rows - truth);
  if (spread == 0) return 0.0;
  return (m.right * m.rows - cross) / std::sqrt(spread);
}

// Probabilistic F1 (RSNA breast cancer detection): predictions clipped to [0, 1] are counted as
// that share of a positive. A missing prediction makes the whole score 0, as in the original.
Graded<double> ProbabilisticF1(const MetricInput& in) {
  GRADED_ASSIGN(const Column* predicted, in.Predicted());
  GRADED_ASSIGN(const Column* truth, in.Truth());
  GRADED_ASSIGN(auto scores, AnyNumbers(*predicted, Side::kSubmission));
  GRADED_ASSIGN(auto labels, FiniteNumbers(*truth, Side::kAnswers));
  double positives = 0;
  double true_share = 0;
  double false_share = 0;
  bool all_negative = true;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    double share = scores[i] < 0 ? 0 : scores[i] > 1 ? 1 : scores[i];
    all_negative &= scores[i] < 0;
    positives += labels[i] != 0;
    (labels[i] != 0 ? true_share : false_share) += share;
  }
  if (positives == 0) return TaskFault("bad_answers", "the answers have no positive");
  if (all_negative) return Raised("all_negative", "every prediction is below 0");
  double precision = true_share / (true_share + false_share);
  double recall = true_share / positives;
  if (!(precision > 0 && recall > 0)) return 0.0;
  return 2 * precision * recall / (precision + recall);
}

}  // namespace podium::scoring
