// Logarithmic losses. Probabilities of 0 and 1 are clipped as each source does.

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <span>
#include <vector>

#include "base/text.h"
#include "scoring/metrics/inputs.h"
#include "scoring/metrics/metrics.h"

namespace podium::scoring {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

double Clip(double p, double epsilon) { return std::min(std::max(p, epsilon), 1 - epsilon); }

Graded<NumberView> Probabilities(const Column& column) {
  if (column.dtype == DType::kFloat64) {
    bool good = true;
    for (double p : column.floats) good &= p >= 0 && p <= 1;
    if (good) return NumberView(std::span<const double>(column.floats));
  }
  GRADED_ASSIGN(auto values, FiniteNumbers(column, Side::kSubmission));
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (values[row] < 0 || values[row] > 1)
      return Raised("out_of_range", "column '" + Printable(column.name) + "', row " +
                                        std::to_string(row + 1) + ": " + PythonFloat(values[row]) +
                                        " is not a probability");
  }
  return values;
}

}  // namespace

// -mean(y ln p + (1 - y) ln(1 - p)), p clipped to [eps, 1 - eps] with eps of a double
// (scikit-learn 1.9's log_loss of two classes; the larger label is the positive one).
Graded<double> LogLossBinary(const MetricInput& in) {
  GRADED_ASSIGN(const Column* predicted, in.Predicted());
  GRADED_ASSIGN(const Column* truth, in.Truth());
  if (predicted->size() != truth->size())
    return Raised("row_count", std::to_string(predicted->size()) + " rows, the answers have " +
                                   std::to_string(truth->size()));
  GRADED_ASSIGN(auto p, Probabilities(*predicted));
  GRADED_ASSIGN(auto y, FiniteNumbers(*truth, Side::kAnswers));
  if (y.empty()) return TaskFault("bad_answers", "the answers have no rows");
  auto [low, high] = std::ranges::minmax(y);
  std::vector<double> losses(y.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (low == high || (y[i] != low && y[i] != high))
      return TaskFault("bad_answers", "the answers do not have two classes");
    losses[i] = -std::log(Clip(y[i] == high ? p[i] : 1 - p[i], kEpsilon));
  }
  return NumpyMean(losses);
}

namespace {

// The divisor of each row: the sum of its probabilities where params.rows is "rescale", else none,
// which is 1.
Graded<std::vector<double>> RowScales(const MetricInput& in) {
  std::vector<double> scales;
  if (in.TextParamOr("rows", "as_is") != "rescale") return scales;
  scales.resize(in.rows());
  for (std::size_t target = 0; target < in.targets.size(); ++target) {
    GRADED_ASSIGN(const Column* predicted, in.Predicted(target));
    GRADED_ASSIGN(auto p, Probabilities(*predicted));
    for (std::size_t i = 0; i < scales.size() && i < p.size(); ++i) scales[i] += p[i];
  }
  for (std::size_t i = 0; i < scales.size(); ++i) {
    if (scales[i] <= 0)
      return Refused("row_sum", "row " + std::to_string(i + 1) + " adds to 0 and cannot be scaled");
  }
  return scales;
}

// Adds what the rows of one class lose.
template <class Truth>
void AddLosses(const NumberView& p, const Truth& y, std::span<const double> scales,
               std::span<double> losses) {
  for (std::size_t i = 0; i < losses.size(); ++i) {
    if (y[i] == 0) continue;
    double scaled = scales.empty() ? p[i] : p[i] / scales[i];
    losses[i] -= static_cast<double>(y[i]) * std::log(Clip(scaled, kEpsilon));
  }
}

}  // namespace

// -mean over rows of the sum over classes of y ln p: one column a class on both sides. Rows are
// taken as they are (scikit-learn 1.9's log_loss of one-hot answers), or divided by their sum
// first.
Graded<double> LogLoss(const MetricInput& in) {
  std::vector<double> losses(in.rows());
  GRADED_ASSIGN(auto scales, RowScales(in));
  for (std::size_t target = 0; target < in.targets.size(); ++target) {
    GRADED_ASSIGN(const Column* predicted, in.Predicted(target));
    GRADED_ASSIGN(const Column* truth, in.Truth(target));
    if (predicted->size() != losses.size()) return Raised("row_count", "another number of rows");
    GRADED_ASSIGN(auto p, Probabilities(*predicted));
    if (truth->dtype == DType::kInt64) {
      truth->ints.Visit([&](auto y) { AddLosses(p, y, scales, losses); });
      continue;
    }
    GRADED_ASSIGN(auto y, FiniteNumbers(*truth, Side::kAnswers));
    AddLosses(p, y, scales, losses);
  }
  if (losses.empty()) return TaskFault("bad_answers", "the answers have no rows");
  return NumpyMean(losses);
}

// Mean over rows of KL(truth || prediction) (Kaggle's metric of hms-harmful-brain-activity
// classification): truth divided by its row's sum, predictions clipped to [1e-15, 1 - 1e-15], terms
// whose truth is 0 or whose prediction is missing left out. params.whole "keep": a column of whole
// numbers is not clipped (pandas' clip), and a 0 where it matters makes the score infinite.
Graded<double> KlDivergence(const MetricInput& in) {
  constexpr double kClip = 1e-15;
  std::vector<NumberView> truth;
  std::vector<double> sums(in.rows());
  for (std::size_t target = 0; target < in.targets.size(); ++target) {
    GRADED_ASSIGN(const Column* column, in.Truth(target));
    GRADED_ASSIGN(auto votes, FiniteNumbers(*column, Side::kAnswers));
    for (std::size_t i = 0; i < votes.size(); ++i) sums[i] += votes[i];
    truth.push_back(std::move(votes));
  }
  std::vector<double> losses(in.rows());
  for (std::size_t target = 0; target < in.targets.size(); ++target) {
    GRADED_ASSIGN(const Column* column, in.Predicted(target));
    GRADED_ASSIGN(auto q, AnyNumbers(*column, Side::kSubmission));
    bool whole = in.TextParamOr("whole", "clip") == "keep" &&
                 (column->dtype == DType::kInt64 || column->dtype == DType::kUInt64);
    for (std::size_t i = 0; i < losses.size(); ++i) {
      double p = truth[target][i] / sums[i];
      if (p == 0 || std::isnan(q[i])) continue;
      losses[i] += p * std::log(p / (whole ? q[i] : Clip(q[i], kClip)));
    }
  }
  if (losses.empty()) return TaskFault("bad_answers", "the answers have no rows");
  return NumpyMean(losses);
}

namespace {

// One patient's eight losses (rsna-2022-cervical-spine-fracture-detection).
struct Patient {
  double loss = 0;
  double weight = 0;
  int parts = 0;
};

}  // namespace

// Mean over patients of the weighted mean of binary log losses over "patient_overall", C1 ... C7:
// weight 7 and 1 for healthy parts, 14 and 2 for fractured ones; p clipped to [1e-15, 1 - 1e-15].
// The id is <patient>_<part>, cut at its first underscore.
Graded<double> FractureLogLoss(const MetricInput& in) {
  constexpr double kClip = 1e-15;
  GRADED_ASSIGN(auto id, in.TextParam("id"));
  GRADED_ASSIGN(const Column* ids, in.AnswerColumn(id));
  GRADED_ASSIGN(auto names, TextCells(*ids, Side::kAnswers));
  GRADED_ASSIGN(auto pair, FinitePair(in));
  std::map<std::string_view, Patient> patients;
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::size_t cut = names[i].find('_');
    std::string_view part = cut == std::string_view::npos ? "" : names[i].substr(cut + 1);
    bool overall = part == "patient_overall";
    if (!overall && !(part.size() == 2 && part[0] == 'C' && part[1] >= '1' && part[1] <= '7'))
      return TaskFault("bad_answers", "the id '" + Printable(names[i]) + "' names no part");
    double p = Clip(pair.predicted[i], kClip);
    double y = pair.truth[i];
    double weight = (overall ? 7 : 1) * (1 + y);
    Patient& patient = patients[names[i].substr(0, cut)];
    patient.loss -= weight * (y * std::log(p) + (1 - y) * std::log(1 - p));
    patient.weight += weight;
    ++patient.parts;
  }
  std::vector<double> losses;
  for (const auto& [name, patient] : patients) {
    if (patient.parts != 8)
      return TaskFault("bad_answers", "patient '" + Printable(name) + "' does not have 8 parts");
    losses.push_back(patient.loss / patient.weight);
  }
  return NumpyMean(losses);
}

}  // namespace podium::scoring
