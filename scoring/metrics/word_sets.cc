// Metrics of lists of words in one cell: tags, ranked guesses, spans of text.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/text.h"
#include "scoring/metrics/inputs.h"
#include "scoring/metrics/lower_case.h"
#include "scoring/metrics/metrics.h"
#include "tables/row_ranges.h"

namespace podium::scoring {
namespace {

std::vector<std::string_view> UniqueWords(std::string_view cell) {
  auto words = SplitWords(cell);
  std::ranges::sort(words);
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

// Both are sorted.
std::size_t CommonCount(const std::vector<std::string_view>& a,
                        const std::vector<std::string_view>& b) {
  std::size_t common = 0;
  for (auto i = a.begin(), k = b.begin(); i != a.end() && k != b.end();) {
    if (*i == *k) ++common;
    auto order = *i <=> *k;
    if (order <= 0) ++i;
    if (order >= 0) ++k;
  }
  return common;
}

struct Cells {
  TextView predicted;
  TextView truth;
};

Graded<Cells> TextPair(const MetricInput& in) {
  GRADED_ASSIGN(const Column* predicted, in.Predicted());
  GRADED_ASSIGN(const Column* truth, in.Truth());
  if (predicted->size() != truth->size()) return Raised("row_count", "another number of rows");
  if (truth->size() == 0) return TaskFault("bad_answers", "the answers have no rows");
  Cells cells;
  GRADED_ASSIGN(cells.predicted, TextCells(*predicted, Side::kSubmission));
  GRADED_ASSIGN(cells.truth, TextCells(*truth, Side::kAnswers));
  return cells;
}

}  // namespace

// 2 TP / (2 TP + FP + FN) over all (row, tag) pairs, tags split at whitespace. params.unknown_tags:
// "ignore" leaves predicted tags out that no answer has (scikit-learn's MultiLabelBinarizer, as
// MLE-bench uses it), "count" (default) makes them false positives.
Graded<double> TagF1Micro(const MetricInput& in) {
  GRADED_ASSIGN(auto cells, TextPair(in));
  bool ignore = in.TextParamOr("unknown_tags", "count") == "ignore";
  std::unordered_set<std::string_view> known;
  double hits = 0;
  double total = 0;
  for (std::string_view cell : cells.truth) {
    for (std::string_view tag : SplitWords(cell)) known.insert(tag);
  }
  for (std::size_t i = 0; i < cells.truth.size(); ++i) {
    auto truth = UniqueWords(cells.truth[i]);
    auto predicted = UniqueWords(cells.predicted[i]);
    if (ignore)
      std::erase_if(predicted, [&](std::string_view tag) { return !known.contains(tag); });
    hits += static_cast<double>(CommonCount(truth, predicted));
    total += static_cast<double>(truth.size() + predicted.size());
  }
  return total == 0 ? 0.0 : 2 * hits / total;
}

// Mean over rows of each row's 2 |A and B| / (|A| + |B|); 1 where both are empty.
Graded<double> TagF1Mean(const MetricInput& in) {
  GRADED_ASSIGN(auto cells, TextPair(in));
  std::vector<double> scores(cells.truth.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    auto truth = UniqueWords(cells.truth[i]);
    auto predicted = UniqueWords(cells.predicted[i]);
    auto total = static_cast<double>(truth.size() + predicted.size());
    scores[i] = total == 0 ? 1 : 2 * static_cast<double>(CommonCount(truth, predicted)) / total;
  }
  return NumpyMean(scores);
}

namespace {

// Equality that looks at the last eight bytes first: ids of one length differ there most.
bool SameWord(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  if (a.size() >= 8) {
    std::uint64_t x;
    std::uint64_t y;
    std::memcpy(&x, a.data() + a.size() - 8, 8);
    std::memcpy(&y, b.data() + b.size() - 8, 8);
    if (x != y) return false;
  }
  return a == b;
}

using Words = std::vector<std::string_view>;
constexpr std::size_t kFew = 16;  // so many words are not sorted

bool IsAmong(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::any_of(words, [&](std::string_view known) { return SameWord(known, word); });
}

// Leaves each word once; sorted where they are not few.
void DropRepeated(Words& words) {
  if (words.size() > kFew) {
    std::ranges::sort(words);
    words.erase(std::unique(words.begin(), words.end()), words.end());
    return;
  }
  std::size_t kept = 0;
  for (std::string_view word : words) {
    if (!IsAmong(std::span(words).first(kept), word)) words[kept++] = word;
  }
  words.resize(kept);
}

bool HasWord(const Words& words, std::string_view word) {
  return words.size() > kFew ? std::ranges::binary_search(words, word) : IsAmong(words, word);
}

// Hits at rank i + 1 add precision at that rank; a repeated guess takes a place and counts nothing.
double AveragePrecision(Words& truth, Words& guesses, std::size_t k) {
  DropRepeated(truth);
  if (guesses.size() > k) guesses.resize(k);
  double hits = 0;
  double score = 0;
  for (std::size_t i = 0; i < guesses.size(); ++i) {
    if (!HasWord(truth, guesses[i])) continue;
    if (IsAmong(std::span(guesses).first(i), guesses[i])) continue;
    score += ++hits / (static_cast<double>(i) + 1);
  }
  return truth.empty() ? 0.0 : score / static_cast<double>(std::min(truth.size(), k));
}

// The order in which rows are looked at: that of the submission's file, which has the longer cells.
// Empty where both tables have the same.
std::vector<std::uint32_t> FileOrder(std::span<const RowIndex> submission_rows, std::size_t rows) {
  if (submission_rows.size() != rows || rows >= UINT32_MAX) return {};
  std::size_t lines = std::size_t{std::ranges::max(submission_rows)} + 1;
  if (lines > 4 * rows) return {};
  std::vector<std::uint32_t> row_of(lines);
  for (std::size_t i = 0; i < rows; ++i)
    row_of[submission_rows[i]] = static_cast<std::uint32_t>(i + 1);
  std::vector<std::uint32_t> order;
  order.reserve(rows);
  for (std::uint32_t row : row_of) {
    if (row != 0) order.push_back(row - 1);
  }
  return order.size() == rows ? order : std::vector<std::uint32_t>();
}

constexpr std::size_t kTouched = 16;  // rows

// Reads a byte of texts that lie all over a table, several at once: none waits for another. (To
// prefetch them helps little where each is in another page.)
void Touch(const TextView& texts, std::span<const std::uint32_t> rows) {
  std::array<std::string_view, kTouched> some;
  for (std::size_t i = 0; i < rows.size(); ++i) some[i] = texts[rows[i]];
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!some[i].empty()) (void)*static_cast<const volatile char*>(some[i].data());
  }
}

}  // namespace

// Mean average precision of the first params.k guesses, cells split at single blanks on both sides
// (an empty word takes a place) or, with params.words "runs", at runs of blanks; the denominator is
// min(number of true words, k). Rows are paired up to the shorter table.
Graded<double> MapAtK(const MetricInput& in) {
  GRADED_ASSIGN(auto k, in.IntParam("k", 1, 1'000'000));
  GRADED_ASSIGN(const Column* predicted, in.Predicted());
  GRADED_ASSIGN(const Column* truth, in.Truth());
  GRADED_ASSIGN(auto guesses, TextCells(*predicted, Side::kSubmission));
  GRADED_ASSIGN(auto labels, TextCells(*truth, Side::kAnswers));
  std::vector<double> scores(std::min(guesses.size(), labels.size()));
  if (scores.empty()) return TaskFault("bad_answers", "the answers have no rows");
  auto split = in.TextParamOr("words", "blanks") == "runs" ? SplitWordsInto : SplitBlanksInto;
  constexpr std::size_t kWorthAThread = 1 << 12;  // rows
  std::vector<std::uint32_t> order = FileOrder(in.submission_rows, scores.size());
  auto row_at = [&](std::size_t at) { return order.empty() ? at : std::size_t{order[at]}; };
  GRADED_TRY(InRowRanges(scores.size(), kWorthAThread, [&](RowRange rows) -> Graded<void> {
    Words truth_words;
    Words guess_words;
    for (std::size_t at = rows.begin; at < rows.end; ++at) {
      if (!order.empty() && (at - rows.begin) % kTouched == 0) {
        auto next = std::span(order).subspan(at, std::min(kTouched, rows.end - at));
        Touch(guesses, next);
        Touch(labels, next);
      }
      std::size_t i = row_at(at);
      split(labels[i], truth_words);
      split(guesses[i], guess_words);
      scores[i] = AveragePrecision(truth_words, guess_words, static_cast<std::size_t>(k));
    }
    return {};
  }));
  return NumpyMean(scores);
}

// Mean over rows of |A and B| / |A or B| of the lower-cased words. params.both_empty: what a row
// without words on either side counts ("zero": scikit-learn's jaccard_score; "one"; "fault").
Graded<double> WordJaccard(const MetricInput& in) {
  GRADED_ASSIGN(auto cells, TextPair(in));
  std::string both_empty = in.TextParamOr("both_empty", "one");
  std::vector<double> scores(cells.truth.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    std::string truth_text = LowerCase(cells.truth[i]);
    std::string predicted_text = LowerCase(cells.predicted[i]);
    auto truth = UniqueWords(truth_text);
    auto predicted = UniqueWords(predicted_text);
    std::size_t common = CommonCount(truth, predicted);
    std::size_t all = truth.size() + predicted.size() - common;
    if (all == 0 && both_empty == "fault")
      return Raised("both_empty", "row " + std::to_string(i + 1) + ": no word on either side");
    scores[i] = all == 0 ? (both_empty == "one" ? 1 : 0)
                         : static_cast<double>(common) / static_cast<double>(all);
  }
  return NumpyMean(scores);
}

namespace {

std::uint64_t CountInversions(std::vector<std::size_t>& ranks, std::vector<std::size_t>& scratch,
                              std::size_t begin, std::size_t end) {
  if (end - begin < 2) return 0;
  std::size_t middle = begin + (end - begin) / 2;
  std::uint64_t count =
      CountInversions(ranks, scratch, begin, middle) + CountInversions(ranks, scratch, middle, end);
  std::size_t left = begin;
  std::size_t right = middle;
  for (std::size_t out = begin; out < end; ++out) {
    bool take_left = right == end || (left < middle && ranks[left] <= ranks[right]);
    if (!take_left) count += middle - left;
    scratch[out] = take_left ? ranks[left++] : ranks[right++];
  }
  std::copy(scratch.begin() + static_cast<std::ptrdiff_t>(begin),
            scratch.begin() + static_cast<std::ptrdiff_t>(end),
            ranks.begin() + static_cast<std::ptrdiff_t>(begin));
  return count;
}

}  // namespace

// 1 - 4 * inversions / sum of n (n - 1), pooled over rows: Kendall's tau of orders of words
// (AI4Code). A word of the answers that the submission lacks is a fault; so is one that it has
// twice, with params.words "unique".
Graded<double> KendallOrder(const MetricInput& in) {
  GRADED_ASSIGN(auto cells, TextPair(in));
  bool unique = in.TextParamOr("words", "any") == "unique";
  std::uint64_t inversions = 0;
  double pairs = 0;
  for (std::size_t i = 0; i < cells.truth.size(); ++i) {
    auto truth = SplitWords(cells.truth[i]);
    auto predicted = SplitWords(cells.predicted[i]);
    std::string row = "row " + std::to_string(i + 1) + ": ";
    if (truth.size() != predicted.size())
      return Refused("word_count", row + std::to_string(predicted.size()) + " words, expected " +
                                       std::to_string(truth.size()));
    std::unordered_map<std::string_view, std::size_t> place;
    for (std::size_t k = 0; k < predicted.size(); ++k) {
      if (!place.emplace(predicted[k], k).second && unique)
        return Refused("repeated_word",
                       row + "'" + Printable(predicted[k].substr(0, 60)) + "' occurs twice");
    }
    std::vector<std::size_t> ranks;
    for (std::string_view word : truth) {
      auto found = place.find(word);
      if (found == place.end())
        return Raised("missing_word", row + "'" + Printable(word.substr(0, 60)) + "' is missing");
      ranks.push_back(found->second);
    }
    std::vector<std::size_t> scratch(ranks.size());
    inversions += CountInversions(ranks, scratch, 0, ranks.size());
    pairs += static_cast<double>(truth.size()) * (static_cast<double>(truth.size()) - 1);
  }
  if (pairs == 0) return Raised("no_pairs", "no row has two words");
  return 1 - 4 * static_cast<double>(inversions) / pairs;
}

}  // namespace podium::scoring
