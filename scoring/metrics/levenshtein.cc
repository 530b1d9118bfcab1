#include "scoring/metrics/levenshtein.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "base/text.h"
#include "scoring/frame/utf8.h"
#include "scoring/metrics/inputs.h"
#include "scoring/metrics/metrics.h"

namespace podium::scoring {
namespace {

using Symbols = std::span<const std::uint32_t>;

// For each symbol and block of 64 places, the places where the pattern has it.
class PatternBits {
 public:
  explicit PatternBits(Symbols pattern)
      : blocks_((pattern.size() + 63) / 64), small_(blocks_ * kSmall), none_(blocks_) {
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      std::uint64_t bit = std::uint64_t{1} << (i % 64);
      std::uint32_t symbol = pattern[i];
      if (symbol < kSmall) {
        small_[symbol * blocks_ + i / 64] |= bit;
      } else {
        auto& bits = large_[symbol];
        bits.resize(blocks_);
        bits[i / 64] |= bit;
      }
    }
  }
  [[nodiscard]] std::size_t blocks() const { return blocks_; }
  [[nodiscard]] const std::uint64_t* Of(std::uint32_t symbol) const {
    if (symbol < kSmall) return small_.data() + symbol * blocks_;
    auto found = large_.find(symbol);
    return found == large_.end() ? none_.data() : found->second.data();
  }

 private:
  static constexpr std::size_t kSmall = 128;
  std::size_t blocks_;
  std::vector<std::uint64_t> small_;
  std::vector<std::uint64_t> none_;
  std::unordered_map<std::uint32_t, std::vector<std::uint64_t>> large_;
};

struct Block {
  std::uint64_t up = ~std::uint64_t{0};  // vertical +1
  std::uint64_t down = 0;                // vertical -1
};

// One symbol of the text against one block; `carry` is the horizontal step that enters at the top
// and leaves at bit `last` (-1, 0, +1).
int Advance(Block& block, std::uint64_t equal, int carry, unsigned last) {
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

std::size_t Distance(Symbols pattern, Symbols text) {
  PatternBits bits(pattern);
  std::vector<Block> blocks(bits.blocks());
  auto score = static_cast<std::ptrdiff_t>(pattern.size());
  auto last = static_cast<unsigned>((pattern.size() - 1) % 64);
  for (std::uint32_t symbol : text) {
    const std::uint64_t* equal = bits.Of(symbol);
    int carry = 1;
    for (std::size_t k = 0; k + 1 < blocks.size(); ++k)
      carry = Advance(blocks[k], equal[k], carry, 63);
    score += Advance(blocks.back(), equal[blocks.size() - 1], carry, last);
  }
  return static_cast<std::size_t>(score);
}

void CodePoints(std::string_view text, std::vector<std::uint32_t>& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size();) out.push_back(NextCodePoint(text, i));
}

}  // namespace

std::size_t EditDistance(Symbols a, Symbols b) {
  auto same = std::ranges::mismatch(a, b);
  auto prefix = static_cast<std::size_t>(same.in1 - a.begin());
  a = a.subspan(prefix);
  b = b.subspan(prefix);
  while (!a.empty() && !b.empty() && a.back() == b.back()) {
    a = a.first(a.size() - 1);
    b = b.first(b.size() - 1);
  }
  if (a.size() > b.size()) std::swap(a, b);
  return a.empty() ? b.size() : Distance(a, b);
}

std::size_t TextDistance(std::string_view a, std::string_view b) {
  if (a == b) return 0;
  std::vector<std::uint32_t> left;
  std::vector<std::uint32_t> right;
  CodePoints(a, left);
  CodePoints(b, right);
  return EditDistance(left, right);
}

// Mean edit distance of the cells, in code points. A missing cell is a fault.
Graded<double> LevenshteinMean(const MetricInput& in) {
  GRADED_ASSIGN(const Column* predicted, in.Predicted());
  GRADED_ASSIGN(const Column* truth, in.Truth());
  if (predicted->size() != truth->size()) return Raised("row_count", "another number of rows");
  GRADED_ASSIGN(auto p, TextCells(*predicted, Side::kSubmission));
  GRADED_ASSIGN(auto t, TextCells(*truth, Side::kAnswers));
  if (t.empty()) return TaskFault("bad_answers", "the answers have no rows");
  std::vector<double> distances(t.size());
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (IsMissing(t[i]))
      return TaskFault("bad_answers", "row " + std::to_string(i + 1) + " is empty");
    if (IsMissing(p[i]))
      return Raised("missing_value", "column '" + Printable(predicted->name) + "', row " +
                                         std::to_string(i + 1) + ": empty");
    distances[i] = static_cast<double>(TextDistance(p[i], t[i]));
  }
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
    distance += EditDistance(*guessed, *expected);
    items += expected->size();
  }
  if (items == 0) return TaskFault("bad_answers", "the answers have no items");
  return static_cast<double>(distance) / static_cast<double>(items);
}

}  // namespace podium::scoring
