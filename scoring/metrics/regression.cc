// Errors of numbers, with the behaviour of scikit-learn 1.9's functions of like names where there
// is one: NaN, infinity and text are faults.

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <vector>

#include "scoring/metrics/inputs.h"
#include "scoring/metrics/metrics.h"

namespace podium::scoring {
namespace {

double MeanAbsolute(std::span<const double> a, std::span<const double> b) {
  std::vector<double> errors(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) errors[i] = std::abs(a[i] - b[i]);
  return NumpyMean(errors);
}

double RootMeanSquare(std::span<const double> a, std::span<const double> b) {
  std::vector<double> errors(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) errors[i] = (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(NumpyMean(errors));
}

// Both columns, without the rows whose answer column params.only_where_zero is not 0. Only what is
// graded need be finite.
Graded<NumberPair> SelectedPair(const MetricInput& in) {
  std::string name = in.TextParamOr("only_where_zero", "");
  if (name.empty()) return FinitePair(in);
  GRADED_ASSIGN(const Column* column, in.AnswerColumn(name));
  GRADED_ASSIGN(auto flags, FiniteNumbers(*column, Side::kAnswers));
  std::vector<RowIndex> rows;
  for (std::size_t i = 0; i < flags.size(); ++i) {
    if (flags[i] == 0) rows.push_back(static_cast<RowIndex>(i));
  }
  if (rows.empty()) return TaskFault("bad_answers", "no row of the answers is graded");
  GRADED_ASSIGN(const Column* predicted, in.Predicted());
  GRADED_ASSIGN(const Column* truth, in.Truth());
  if (predicted->size() != truth->size()) return Raised("row_count", "another number of rows");
  NumberPair kept;
  GRADED_ASSIGN(kept.predicted, FiniteNumbers(predicted->Take(rows), Side::kSubmission));
  GRADED_ASSIGN(kept.truth, FiniteNumbers(truth->Take(rows), Side::kAnswers));
  return kept;
}

}  // namespace

Graded<double> Rmse(const MetricInput& in) {
  GRADED_ASSIGN(auto pair, SelectedPair(in));
  return RootMeanSquare(pair.predicted, pair.truth);
}

Graded<double> Mae(const MetricInput& in) {
  GRADED_ASSIGN(auto pair, SelectedPair(in));
  return MeanAbsolute(pair.predicted, pair.truth);
}

// The mean absolute error as the nearest whole number, halves to even (Python's round).
Graded<double> MaeRounded(const MetricInput& in) {
  GRADED_ASSIGN(double mae, Mae(in));
  return std::nearbyint(mae);
}

namespace {

Graded<std::vector<double>> Logarithms(std::span<const double> values, const std::string& column) {
  std::vector<double> out(values.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (values[i] <= -1)
      return Raised("out_of_range",
                    "column '" + column + "': a value of -1 or below has no logarithm");
    out[i] = std::log1p(values[i]);
  }
  return out;
}

}  // namespace

// Mean over columns of sqrt(mean((ln(1 + a) - ln(1 + b))^2)); values of -1 and below are faults.
Graded<double> RmsleMean(const MetricInput& in) {
  double sum = 0;
  for (std::size_t target = 0; target < in.targets.size(); ++target) {
    GRADED_ASSIGN(auto pair, FinitePair(in, target));
    GRADED_ASSIGN(auto predicted, Logarithms(pair.predicted, in.targets[target]));
    GRADED_ASSIGN(auto truth, Logarithms(pair.truth, in.targets[target]));
    sum += RootMeanSquare(predicted, truth);
  }
  return sum / static_cast<double>(in.targets.size());
}

// Mean over columns of their RMSE.
Graded<double> Mcrmse(const MetricInput& in) {
  std::vector<double> columns;
  for (std::size_t target = 0; target < in.targets.size(); ++target) {
    GRADED_ASSIGN(auto pair, FinitePair(in, target));
    columns.push_back(RootMeanSquare(pair.predicted, pair.truth));
  }
  return NumpyMean(columns);
}

// Mean over the groups of answer column params.group of ln(max(mean absolute error, params.floor));
// without a floor a group without error makes it -infinity.
Graded<double> GroupLogMae(const MetricInput& in) {
  GRADED_ASSIGN(auto name, in.TextParam("group"));
  GRADED_ASSIGN(const Column* groups, in.AnswerColumn(name));
  GRADED_ASSIGN(auto pair, FinitePair(in));
  std::map<std::string, std::vector<double>> errors;
  for (std::size_t i = 0; i < pair.truth.size(); ++i) {
    if (!groups->missing(i))
      errors[groups->Str(i)].push_back(std::abs(pair.truth[i] - pair.predicted[i]));
  }
  double floor = in.NumberParamOr("floor", 0);
  std::vector<double> logs;
  for (const auto& [group, values] : errors)
    logs.push_back(std::log(std::max(NumpyMean(values), floor)));
  return NumpyMean(logs);
}

// Mean angle between two directions given as azimuth and zenith in radians (targets 0 and 1), by
// the arc cosine of their scalar product (IceCube's mean angular error).
Graded<double> AngularError(const MetricInput& in) {
  GRADED_ASSIGN(auto azimuth, FinitePair(in, 0));
  GRADED_ASSIGN(auto zenith, FinitePair(in, 1));
  std::vector<double> angles(in.rows());
  for (std::size_t i = 0; i < angles.size(); ++i) {
    double sa1 = std::sin(azimuth.truth[i]);
    double ca1 = std::cos(azimuth.truth[i]);
    double sa2 = std::sin(azimuth.predicted[i]);
    double ca2 = std::cos(azimuth.predicted[i]);
    double sz1 = std::sin(zenith.truth[i]);
    double sz2 = std::sin(zenith.predicted[i]);
    double product = sz1 * sz2 * (ca1 * ca2 + sa1 * sa2) +
                     std::cos(zenith.truth[i]) * std::cos(zenith.predicted[i]);
    angles[i] = std::abs(std::acos(std::min(1.0, std::max(-1.0, product))));
  }
  return NumpyMean(angles);
}

}  // namespace podium::scoring
