#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scoring/fault.h"
#include "scoring/frame/frame.h"
#include "scoring/metric.h"

namespace podium::scoring {

// Whose column it is decides whose fault a bad cell is.
enum class Side { kSubmission, kAnswers };

// The column as finite numbers, as scikit-learn's check_array demands: NaN, infinity and text are
// faults that name the row.
[[nodiscard]] Graded<std::vector<double>> FiniteNumbers(const Column& column, Side side);
// The same without the demand: text is a fault, NaN and infinity stay.
[[nodiscard]] Graded<std::vector<double>> AnyNumbers(const Column& column, Side side);

// Prediction and truth of one target, both finite and of one length.
struct NumberPair {
  std::vector<double> predicted;
  std::vector<double> truth;
};
[[nodiscard]] Graded<NumberPair> FinitePair(const MetricInput& in, std::size_t target = 0);

// Class labels of both sides as indices into the sorted union of the labels that occur
// (sklearn.utils.multiclass.unique_labels). Text against numbers, fractions, and missing cells are
// faults, as in scikit-learn 1.9.
struct LabelPair {
  std::vector<std::uint32_t> predicted;
  std::vector<std::uint32_t> truth;
  std::size_t classes = 0;
};
[[nodiscard]] Graded<LabelPair> EncodeLabels(const Column& predicted, const Column& truth);
[[nodiscard]] Graded<LabelPair> LabelsOf(const MetricInput& in);

// A column's cells as text; a column of numbers is a fault.
[[nodiscard]] Graded<std::span<const std::string_view>> TextCells(const Column& column, Side side);

// str.split(): at runs of Unicode whitespace.
[[nodiscard]] std::vector<std::string_view> SplitWords(std::string_view text);
// str.split(" "): at every single blank; empty words count.
[[nodiscard]] std::vector<std::string_view> SplitBlanks(std::string_view text);
// str.strip() of Unicode whitespace.
[[nodiscard]] std::string_view StripBlanks(std::string_view text);
// Python's int(text) in canonical decimal form ("-12"), or nothing where it raises ValueError.
[[nodiscard]] std::optional<std::string> PythonInt(std::string_view text);

// Sums in NumPy's pairwise order, so that last digits are its own.
[[nodiscard]] double NumpySum(std::span<const double> values);
[[nodiscard]] double NumpyMean(std::span<const double> values);

}  // namespace podium::scoring
