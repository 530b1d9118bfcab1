// Class labels of two columns as indices: the type rules of scikit-learn's _check_targets.

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/text.h"
#include "scoring/metrics/inputs.h"

namespace podium::scoring {
namespace {

// Whole numbers in a small range index a table; anything else goes through a sort.
constexpr double kTableSpan = 1 << 20;

Graded<NumberView> WholeNumbers(const Column& column, Side side) {
  GRADED_ASSIGN(auto values, FiniteNumbers(column, side));
  if (column.dtype != DType::kFloat64) return values;
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (values[row] == std::trunc(values[row])) continue;
    std::string detail = "column '" + Printable(column.name) + "', row " + std::to_string(row + 1) +
                         ": " + PythonFloat(values[row]) + " is not a class label";
    return side == Side::kAnswers ? TaskFault("bad_answers", detail)
                                  : Raised("not_a_label", detail);
  }
  return values;
}

template <class Values, class Index>
void Encode(const Values& values, std::vector<std::uint32_t>& out, const Index& index) {
  out.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) out[i] = index(values[i]);
}

template <class T, class Predicted, class Truth>
LabelPair EncodeByTable(const Predicted& predicted, const Truth& truth, double lowest,
                        double highest) {
  auto low = static_cast<T>(lowest);
  std::vector<std::uint32_t> index(static_cast<std::size_t>(highest - lowest) + 1);
  auto at = [&](T v) -> std::uint32_t& { return index[static_cast<std::size_t>(v - low)]; };
  for (T v : predicted) at(v) = 1;
  for (T v : truth) at(v) = 1;
  LabelPair pair;
  for (std::uint32_t& slot : index) {
    if (slot != 0) slot = static_cast<std::uint32_t>(pair.classes++);
  }
  Encode(predicted, pair.predicted, at);
  Encode(truth, pair.truth, at);
  return pair;
}

LabelPair EncodeBySorting(std::span<const double> predicted, std::span<const double> truth) {
  std::vector<double> labels(truth.begin(), truth.end());
  labels.insert(labels.end(), predicted.begin(), predicted.end());
  std::ranges::sort(labels);
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  LabelPair pair;
  pair.classes = labels.size();
  auto at = [&](double v) {
    return static_cast<std::uint32_t>(std::ranges::lower_bound(labels, v) - labels.begin());
  };
  Encode(predicted, pair.predicted, at);
  Encode(truth, pair.truth, at);
  return pair;
}

// Labels that are whole numbers already; nothing where they spread too far for a table.
std::optional<LabelPair> EncodeInts(const PackedInts& predicted, const PackedInts& truth) {
  auto range = [](auto values) {
    auto [low, high] = std::ranges::minmax(values);
    return std::pair(static_cast<double>(low), static_cast<double>(high));
  };
  auto [low_p, high_p] = predicted.Visit(range);
  auto [low_t, high_t] = truth.Visit(range);
  double low = std::min(low_p, low_t);
  double high = std::max(high_p, high_t);
  if (high - low >= kTableSpan || std::max(std::abs(low), std::abs(high)) > 0x1p53)
    return std::nullopt;
  return predicted.Visit([&](auto p) {
    return truth.Visit([&](auto t) { return EncodeByTable<std::int64_t>(p, t, low, high); });
  });
}

LabelPair EncodeNumbers(std::span<const double> predicted, std::span<const double> truth) {
  double low = 0;
  double high = 0;
  for (auto side : {predicted, truth}) {
    for (double v : side) {
      low = std::min(low, v);
      high = std::max(high, v);
    }
  }
  if (high - low < kTableSpan) return EncodeByTable<double>(predicted, truth, low, high);
  return EncodeBySorting(predicted, truth);
}

Graded<TextView> Words(const Column& column, Side side) {
  GRADED_ASSIGN(auto cells, TextCells(column, side));
  for (std::size_t row = 0; row < cells.size(); ++row) {
    if (!IsMissing(cells[row])) continue;
    std::string detail =
        "column '" + Printable(column.name) + "', row " + std::to_string(row + 1) + ": no label";
    return side == Side::kAnswers ? TaskFault("bad_answers", detail)
                                  : Raised("missing_value", detail);
  }
  return cells;
}

bool IsText(const Column& column) {
  return column.dtype == DType::kObject && !column.python_bools && column.size() > 0;
}

// Distinct words are few: hashed first, sorted after.
LabelPair EncodeWords(TextView predicted, TextView truth) {
  std::unordered_map<std::string_view, std::uint32_t> index;
  for (std::string_view word : truth) index.emplace(word, 0);
  for (std::string_view word : predicted) index.emplace(word, 0);
  std::vector<std::string_view> sorted;
  for (const auto& [word, unused] : index) sorted.push_back(word);
  std::ranges::sort(sorted);
  for (std::size_t i = 0; i < sorted.size(); ++i) index[sorted[i]] = static_cast<std::uint32_t>(i);
  LabelPair pair;
  pair.classes = sorted.size();
  auto at = [&](std::string_view word) { return index.find(word)->second; };
  Encode(predicted, pair.predicted, at);
  Encode(truth, pair.truth, at);
  return pair;
}

}  // namespace

Graded<LabelPair> EncodeLabels(const Column& predicted, const Column& truth) {
  if (predicted.size() != truth.size())
    return Raised("row_count", std::to_string(predicted.size()) + " rows, the answers have " +
                                   std::to_string(truth.size()));
  if (truth.size() == 0) return TaskFault("bad_answers", "the answers have no rows");
  if (IsText(predicted) != IsText(truth))
    return Raised("label_type", "column '" + Printable(predicted.name) +
                                    "': " + (IsText(predicted) ? "text" : "numbers") +
                                    " where the answers have " +
                                    (IsText(truth) ? "text" : "numbers"));
  if (IsText(truth)) {
    GRADED_ASSIGN(auto predicted_words, Words(predicted, Side::kSubmission));
    GRADED_ASSIGN(auto truth_words, Words(truth, Side::kAnswers));
    return EncodeWords(predicted_words, truth_words);
  }
  if (predicted.dtype == DType::kInt64 && truth.dtype == DType::kInt64) {
    if (auto pair = EncodeInts(predicted.ints, truth.ints)) return std::move(*pair);
  }
  GRADED_ASSIGN(auto predicted_numbers, WholeNumbers(predicted, Side::kSubmission));
  GRADED_ASSIGN(auto truth_numbers, WholeNumbers(truth, Side::kAnswers));
  return EncodeNumbers(predicted_numbers, truth_numbers);
}

Graded<LabelPair> LabelsOf(const MetricInput& in) {
  GRADED_ASSIGN(const Column* predicted, in.Predicted());
  GRADED_ASSIGN(const Column* truth, in.Truth());
  return EncodeLabels(*predicted, *truth);
}

}  // namespace podium::scoring
