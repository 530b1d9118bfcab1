#include "scoring/metrics/levenshtein.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "base/text.h"
#include "scoring/metrics/inputs.h"
#include "scoring/metrics/metrics.h"
#include "tables/frame/utf8.h"
#include "tables/row_ranges.h"

namespace podium::scoring {
namespace {

using Bytes = std::span<const unsigned char>;

Bytes BytesOf(std::string_view text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

std::uint64_t EightAt(const char* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

// How many bytes both begin with, and end with.
std::size_t CommonPrefix(std::string_view a, std::string_view b) {
  std::size_t shorter = std::min(a.size(), b.size());
  std::size_t n = 0;
  while (n + 8 <= shorter && EightAt(a.data() + n) == EightAt(b.data() + n)) n += 8;
  while (n < shorter && a[n] == b[n]) ++n;
  return n;
}
std::size_t CommonSuffix(std::string_view a, std::string_view b) {
  std::size_t shorter = std::min(a.size(), b.size());
  const char* end_a = a.data() + a.size();
  const char* end_b = b.data() + b.size();
  std::size_t n = 0;
  while (n + 8 <= shorter && EightAt(end_a - n - 8) == EightAt(end_b - n - 8)) n += 8;
  while (n < shorter && *(end_a - n - 1) == *(end_b - n - 1)) ++n;
  return n;
}

// Inside a code point.
bool IsInside(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

// Cuts off the code points that both begin and end with: they take no edit.
void StripCommon(std::string_view& a, std::string_view& b) {
  std::size_t prefix = CommonPrefix(a, b);
  while (prefix > 0 && (IsInside(a, prefix) || IsInside(b, prefix))) --prefix;
  a.remove_prefix(prefix);
  b.remove_prefix(prefix);
  std::size_t suffix = CommonSuffix(a, b);
  while (suffix > 0 && IsInside(a, a.size() - suffix)) --suffix;
  a.remove_suffix(suffix);
  b.remove_suffix(suffix);
}

void CodePoints(std::string_view text, std::vector<std::uint32_t>& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size();) out.push_back(NextCodePoint(text, i));
}

}  // namespace

// One symbol of the text against one block; `carry` is the horizontal step that enters at the top
// and leaves at bit `last` (-1, 0, +1).
inline int EditDistances::Advance(Block& block, std::uint64_t equal, int carry, unsigned last) {
  std::uint64_t vertical = equal | block.down;
  equal |= carry < 0;
  std::uint64_t diagonal = (((equal & block.up) + block.up) ^ block.up) | equal;
  std::uint64_t right = block.down | ~(diagonal | block.up);
  std::uint64_t left = block.up & diagonal;
  int out = static_cast<int>(right >> last & 1) - static_cast<int>(left >> last & 1);
  right = right << 1 | (carry > 0);
  left = left << 1 | (carry < 0);
  block.up = left | ~(vertical | right);
  block.down = right & vertical;
  return out;
}

template <class Symbol>
void EditDistances::SetPlaces(std::span<const Symbol> pattern) {
  std::size_t blocks = blocks_.size();
  small_.assign(blocks * kSmall, 0);
  none_.assign(blocks, 0);
  large_.clear();
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    std::uint64_t bit = std::uint64_t{1} << (i % 64);
    if (std::uint32_t{pattern[i]} < kSmall) {
      small_[pattern[i] * blocks + i / 64] |= bit;
    } else {
      auto& places = large_[pattern[i]];
      places.resize(blocks);
      places[i / 64] |= bit;
    }
  }
}

template <class Symbol>
const std::uint64_t* EditDistances::PlacesOf(Symbol symbol) const {
  if (std::uint32_t{symbol} < kSmall) return small_.data() + symbol * blocks_.size();
  auto found = large_.find(symbol);
  return found == large_.end() ? none_.data() : found->second.data();
}

template <class Symbol>
std::size_t EditDistances::OfShorter(std::span<const Symbol> pattern,
                                     std::span<const Symbol> text) {
  blocks_.assign((pattern.size() + 63) / 64, {});
  SetPlaces(pattern);
  auto score = static_cast<std::ptrdiff_t>(pattern.size());
  auto last = static_cast<unsigned>((pattern.size() - 1) % 64);
  if (blocks_.size() == 1) {
    Block block;
    for (Symbol symbol : text) score += Advance(block, *PlacesOf(symbol), 1, last);
    return static_cast<std::size_t>(score);
  }
  for (Symbol symbol : text) {
    const std::uint64_t* equal = PlacesOf(symbol);
    int carry = 1;
    for (std::size_t k = 0; k + 1 < blocks_.size(); ++k)
      carry = Advance(blocks_[k], equal[k], carry, 63);
    score += Advance(blocks_.back(), equal[blocks_.size() - 1], carry, last);
  }
  return static_cast<std::size_t>(score);
}

std::size_t EditDistances::Of(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  auto prefix = static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
  a = a.subspan(prefix);
  b = b.subspan(prefix);
  if (a.size() > b.size()) std::swap(a, b);
  return a.empty() ? b.size() : OfShorter(a, b);
}

std::size_t EditDistances::OfTexts(std::string_view a, std::string_view b) {
  StripCommon(a, b);
  if (a.size() > b.size()) std::swap(a, b);
  if (IsAscii(a) && IsAscii(b)) return a.empty() ? b.size() : OfShorter(BytesOf(a), BytesOf(b));
  CodePoints(a, left_);
  CodePoints(b, right_);
  return Of(left_, right_);
}

namespace {

constexpr std::size_t kWorthAThread = 1 << 14;  // rows

// The distances of some rows; a fault is that of the first bad one of them.
Graded<void> RowDistances(TextView predicted, TextView truth, const Column& column, RowRange rows,
                          std::span<double> out) {
  EditDistances distances;
  for (std::size_t i = rows.begin; i < rows.end; ++i) {
    if (IsMissing(truth[i]))
      return TaskFault("bad_answers", "row " + std::to_string(i + 1) + " is empty");
    if (IsMissing(predicted[i]))
      return Raised("missing_value", "column '" + Printable(column.name) + "', row " +
                                         std::to_string(i + 1) + ": empty");
    out[i] = static_cast<double>(distances.OfTexts(predicted[i], truth[i]));
  }
  return {};
}

}  // namespace

// Mean edit distance of the cells, in code points. A missing cell is a fault.
Graded<double> LevenshteinMean(const MetricInput& in) {
  GRADED_ASSIGN(const Column* predicted, in.Predicted());
  GRADED_ASSIGN(const Column* truth, in.Truth());
  if (predicted->size() != truth->size()) return Raised("row_count", "another number of rows");
  GRADED_ASSIGN(auto p, TextCells(*predicted, Side::kSubmission));
  GRADED_ASSIGN(auto t, TextCells(*truth, Side::kAnswers));
  if (t.empty()) return TaskFault("bad_answers", "the answers have no rows");
  std::vector<double> distances(t.size());
  GRADED_TRY(InRowRanges(t.size(), kWorthAThread, [&](RowRange rows) {
    return RowDistances(p, t, *predicted, rows, distances);
  }));
  return NumpyMean(distances);
}

namespace {

// Whole numbers of any size, named by small ones.
class NumberNames {
 public:
  // Nothing where a word is not a whole number.
  std::optional<std::vector<std::uint32_t>> Of(std::string_view cell) {
    std::vector<std::uint32_t> out;
    for (std::string_view word : SplitWords(cell)) {
      auto number = PythonInt(word);
      if (!number) return std::nullopt;
      auto name = static_cast<std::uint32_t>(names_.size());
      out.push_back(names_.emplace(std::move(*number), name).first->second);
    }
    return out;
  }

 private:
  std::unordered_map<std::string, std::uint32_t> names_;
};

}  // namespace

// Sum of the edit distances of lists of whole numbers / number of true items: an error rate that
// can pass 1 (multi-modal-gesture-recognition).
Graded<double> SequenceErrorRate(const MetricInput& in) {
  GRADED_ASSIGN(const Column* predicted, in.Predicted());
  GRADED_ASSIGN(const Column* truth, in.Truth());
  GRADED_ASSIGN(auto p, TextCells(*predicted, Side::kSubmission));
  GRADED_ASSIGN(auto t, TextCells(*truth, Side::kAnswers));
  NumberNames names;
  EditDistances distances;
  std::size_t distance = 0;
  std::size_t items = 0;
  for (std::size_t i = 0; i < t.size(); ++i) {
    auto expected = names.Of(t[i]);
    if (!expected)
      return TaskFault("bad_answers", "row " + std::to_string(i + 1) + " is no list of numbers");
    auto guessed = names.Of(p[i]);
    if (!guessed)
      return Refused("not_an_integer", "column '" + Printable(predicted->name) + "', row " +
                                           std::to_string(i + 1) + ": not a list of whole numbers");
    distance += distances.Of(*guessed, *expected);
    items += expected->size();
  }
  if (items == 0) return TaskFault("bad_answers", "the answers have no items");
  return static_cast<double>(distance) / static_cast<double>(items);
}

}  // namespace podium::scoring
