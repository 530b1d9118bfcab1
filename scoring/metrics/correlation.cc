// Pearson's and Spearman's correlation as SciPy 1.17 computes them. A constant, missing or infinite
// column gives NaN.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/text.h"
#include "scoring/metrics/inputs.h"
#include "scoring/metrics/metrics.h"

namespace podium::scoring {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Deviations from the mean divided by their Euclidean norm.
std::vector<double> Normalized(std::span<const double> values) {
  double mean = NumpyMean(values);
  std::vector<double> out(values.size());
  std::vector<double> squares(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    out[i] = values[i] - mean;
    squares[i] = out[i] * out[i];
  }
  double norm = std::sqrt(NumpySum(squares));
  for (double& value : out) value /= norm;
  return out;
}

bool Constant(std::span<const double> values) {
  return std::ranges::all_of(values, [&](double v) { return v == values[0]; });
}

double PearsonOf(std::span<const double> x, std::span<const double> y) {
  if (Constant(x) || Constant(y)) return kNaN;
  auto a = Normalized(x);
  auto b = Normalized(y);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] *= b[i];
  double r = NumpySum(a);
  return std::isnan(r) ? kNaN : std::min(1.0, std::max(-1.0, r));
}

// Ranks from 1; equal values share the mean of their ranks.
template <class T>
std::vector<double> Ranks(const std::vector<T>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t i = 0; i < order.size();) {
    std::size_t first = i;
    while (i < order.size() && values[order[i]] == values[order[first]]) ++i;
    double shared = (static_cast<double>(first) + static_cast<double>(i) + 1) / 2;
    for (std::size_t k = first; k < i; ++k) ranks[order[k]] = shared;
  }
  return ranks;
}

// Empty where a value is NaN. Text is ranked as text.
Graded<std::vector<double>> ColumnRanks(const Column& column, Side side) {
  if (column.numeric()) {
    auto values = column.Numbers();
    bool missing = std::ranges::any_of(values, [](double v) { return std::isnan(v); });
    return missing ? std::vector<double>() : Ranks(values);
  }
  GRADED_ASSIGN(auto cells, TextCells(column, side));
  if (std::ranges::any_of(cells, IsMissing))
    return Raised("missing_value",
                  "column '" + Printable(column.name) + "': text and missing values together");
  return Ranks(std::vector<std::string_view>(cells.begin(), cells.end()));
}

}  // namespace

Graded<double> Pearson(const MetricInput& in) {
  GRADED_ASSIGN(const Column* predicted, in.Predicted());
  GRADED_ASSIGN(const Column* truth, in.Truth());
  GRADED_ASSIGN(auto x, AnyNumbers(*truth, Side::kAnswers));
  GRADED_ASSIGN(auto y, AnyNumbers(*predicted, Side::kSubmission));
  if (x.size() != y.size()) return Raised("row_count", "another number of rows");
  if (x.size() < 2) return TaskFault("bad_answers", "a correlation needs two rows");
  return PearsonOf(x, y);
}

// Mean over columns of Spearman's rank correlation.
Graded<double> SpearmanMean(const MetricInput& in) {
  std::vector<double> columns;
  for (std::size_t target = 0; target < in.targets.size(); ++target) {
    GRADED_ASSIGN(const Column* predicted, in.Predicted(target));
    GRADED_ASSIGN(const Column* truth, in.Truth(target));
    if (predicted->size() != truth->size()) return Raised("row_count", "another number of rows");
    if (truth->size() < 2) return TaskFault("bad_answers", "a correlation needs two rows");
    GRADED_ASSIGN(auto x, ColumnRanks(*predicted, Side::kSubmission));
    GRADED_ASSIGN(auto y, ColumnRanks(*truth, Side::kAnswers));
    columns.push_back(x.empty() || y.empty() ? kNaN : PearsonOf(x, y));
  }
  return NumpyMean(columns);
}

}  // namespace podium::scoring
