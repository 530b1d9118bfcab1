#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scoring/metric.h"
#include "tables/fault.h"
#include "tables/frame/frame.h"
#include "tables/numbers.h"

namespace podium::scoring {

// Prediction and truth of one target, both finite and of one length.
struct NumberPair {
  NumberView predicted;
  NumberView truth;
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

// A column's texts, which must outlive it.
class TextView {
 public:
  TextView() = default;
  explicit TextView(const PackedTexts& texts) : texts_(&texts) {}

  [[nodiscard]] std::size_t size() const { return texts_ == nullptr ? 0 : texts_->size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] std::string_view operator[](std::size_t row) const { return (*texts_)[row]; }
  [[nodiscard]] auto begin() const { return PackedTexts::const_iterator(texts_, 0); }
  [[nodiscard]] auto end() const { return PackedTexts::const_iterator(texts_, size()); }

 private:
  const PackedTexts* texts_ = nullptr;
};

// A column's cells as text; a column of numbers is a fault.
[[nodiscard]] Graded<TextView> TextCells(const Column& column, Side side);

// str.split(): at runs of Unicode whitespace.
[[nodiscard]] std::vector<std::string_view> SplitWords(std::string_view text);
// str.split(" "): at every single blank; empty words count.
[[nodiscard]] std::vector<std::string_view> SplitBlanks(std::string_view text);
// The same, into a list that is emptied first.
void SplitWordsInto(std::string_view text, std::vector<std::string_view>& words);
void SplitBlanksInto(std::string_view text, std::vector<std::string_view>& words);
// str.strip() of Unicode whitespace.
[[nodiscard]] std::string_view StripBlanks(std::string_view text);
// Python's int(text) in canonical decimal form ("-12"), or nothing where it raises ValueError.
[[nodiscard]] std::optional<std::string> PythonInt(std::string_view text);

// Sums in NumPy's pairwise order, so that last digits are its own.
[[nodiscard]] double NumpySum(std::span<const double> values);
[[nodiscard]] double NumpyMean(std::span<const double> values);

}  // namespace podium::scoring
