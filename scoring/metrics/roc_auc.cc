// Area under the ROC curve (Fawcett, "An introduction to ROC analysis", 2006) with the behaviour of
// scikit-learn 1.9's roc_auc_score, and ALASKA2's weighted form of it.

#include "scoring/metrics/roc_auc.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "scoring/metrics/inputs.h"
#include "scoring/metrics/metrics.h"
#include "scoring/metrics/sort_doubles.h"
#include "tables/beside.h"

namespace podium::scoring {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Scored {
  double score;
  bool positive;
};

std::vector<Scored> SortedByScore(std::span<const double> scores,
                                  std::span<const std::uint8_t> positive) {
  std::vector<Scored> rows(scores.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = {scores[i], positive[i] != 0};
  std::ranges::sort(rows, {}, &Scored::score);
  return rows;
}

struct Point {
  double fpr;
  double tpr;
};

// The corners of the curve from (0, 0), one for each distinct score, highest score first.
std::vector<Point> RocCurve(std::span<const double> scores,
                            std::span<const std::uint8_t> positive) {
  auto rows = SortedByScore(scores, positive);
  auto positives = static_cast<double>(std::ranges::count(positive, 1));
  double negatives = static_cast<double>(rows.size()) - positives;
  std::vector<Point> curve = {{0, 0}};
  double tp = 0;
  double fp = 0;
  for (std::size_t i = rows.size(); i-- > 0;) {
    ++(rows[i].positive ? tp : fp);
    if (i == 0 || rows[i - 1].score != rows[i].score)
      curve.push_back({fp / negatives, tp / positives});
  }
  return curve;
}

void InsertCut(std::vector<Point>& curve, double tpr) {
  auto at = std::ranges::lower_bound(curve, tpr, {}, &Point::tpr);
  if (at == curve.end() || at == curve.begin() || at->tpr == tpr) return;
  Point low = *(at - 1);
  double fpr = low.fpr + (at->fpr - low.fpr) * (tpr - low.tpr) / (at->tpr - low.tpr);
  curve.insert(at, {fpr, tpr});
}

// The area to the right of the curve between two heights, closed by a line to fpr = 1.
double BandArea(const std::vector<Point>& curve, double low, double high) {
  double area = 0;
  const Point* last = nullptr;
  for (const Point& p : curve) {
    if (p.tpr < low || p.tpr > high) continue;
    if (last != nullptr) area += (p.fpr - last->fpr) * ((p.tpr - low) + (last->tpr - low)) / 2;
    last = &p;
  }
  return last == nullptr ? 0 : area + (1 - last->fpr) * ((last->tpr - low) + (high - low)) / 2;
}

}  // namespace

namespace {

constexpr std::size_t kWorthAThread = 1 << 16;

using Keys = std::vector<std::uint64_t>;

// Twice the pairs of a positive above a negative, where a tie is half a pair; both lists sorted.
std::uint64_t TwiceTheWins(const Keys& positives, const Keys& negatives) {
  std::uint64_t twice_wins = 0;
  std::size_t below = 0;
  std::size_t not_above = 0;
  for (std::uint64_t score : positives) {
    while (below < negatives.size() && negatives[below] < score) ++below;
    not_above = std::max(not_above, below);
    while (not_above < negatives.size() && negatives[not_above] == score) ++not_above;
    twice_wins += below + not_above;
  }
  return twice_wins;
}

// The keys of the scores of one class, sorted.
Keys SortedScores(std::span<const double> scores, std::span<const std::uint8_t> positive,
                  bool wanted, std::size_t count) {
  Keys keys(count + 1);  // one more, so that every score can be written and few are kept
  std::size_t at = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    keys[at] = SortKey(scores[i]);
    at += (positive[i] != 0) == wanted;
  }
  keys.pop_back();
  SortKeys(keys);
  return keys;
}

}  // namespace

double RocAucOf(std::span<const double> scores, std::span<const std::uint8_t> positive) {
  auto count = scores.size() - static_cast<std::size_t>(std::ranges::count(positive, 0));
  std::size_t others = scores.size() - count;
  if (count == 0 || others == 0) return kNaN;
  std::function<Keys()> sort_negatives = [&] {
    return SortedScores(scores, positive, false, others);
  };
  std::optional<Beside<Keys>> beside;
  if (scores.size() >= kWorthAThread) beside.emplace(sort_negatives);
  Keys positives = SortedScores(scores, positive, true, count);
  Keys negatives = beside ? beside->Get() : sort_negatives();
  return static_cast<double>(TwiceTheWins(positives, negatives)) /
         (2.0 * static_cast<double>(count) * static_cast<double>(others));
}

double BandedAucOf(std::span<const double> scores, std::span<const std::uint8_t> positive,
                   std::span<const double> bands, std::span<const double> weights) {
  auto positives = std::ranges::count(positive, 1);
  if (positives == 0 || positives == std::ssize(positive)) return kNaN;
  auto curve = RocCurve(scores, positive);
  for (double cut : bands) InsertCut(curve, cut);
  double area = 0;
  double whole = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    area += weights[i] * BandArea(curve, bands[i], bands[i + 1]);
    whole += weights[i] * (bands[i + 1] - bands[i]);
  }
  return area / whole;
}

namespace {

// The same for labels 0 and 1, without a copy of the column; nothing where there are others.
std::optional<std::vector<std::uint8_t>> ZerosAndOnes(const Column& truth) {
  if (truth.dtype != DType::kInt64) return std::nullopt;
  if (truth.ints.width() > 1) return std::nullopt;
  std::vector<std::uint8_t> positive(truth.ints.begin(), truth.ints.end());
  std::uint8_t all = 0;
  for (std::uint8_t label : positive) all |= label;
  auto ones = static_cast<std::size_t>(std::ranges::count(positive, 1));
  if (all > 1 || ones == 0 || ones == positive.size()) return std::nullopt;
  return positive;
}

// Two classes, the larger label positive (sklearn.preprocessing.label_binarize).
Graded<std::vector<std::uint8_t>> Binary(const Column& truth) {
  if (auto simple = ZerosAndOnes(truth)) return std::move(*simple);
  GRADED_ASSIGN(auto values, FiniteNumbers(truth, Side::kAnswers));
  if (values.empty()) return TaskFault("bad_answers", "the answers have no rows");
  auto [low, high] = std::ranges::minmax(values);
  std::vector<std::uint8_t> positive(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] != low && values[i] != high)
      return TaskFault("bad_answers", "the answers' column '" + Printable(truth.name) +
                                          "' has more than two classes");
    positive[i] = values[i] == high && high != low;
  }
  if (low == high)
    return TaskFault("bad_answers",
                     "the answers' column '" + Printable(truth.name) + "' has one class only");
  return positive;
}

Graded<double> AucOf(const Column* predicted, const Column* truth) {
  if (predicted->size() != truth->size())
    return Raised("row_count", std::to_string(predicted->size()) + " rows, the answers have " +
                                   std::to_string(truth->size()));
  GRADED_ASSIGN(auto scores, FiniteNumbers(*predicted, Side::kSubmission));
  GRADED_ASSIGN(auto positive, Binary(*truth));
  return RocAucOf(scores, positive);
}

}  // namespace

Graded<double> RocAuc(const MetricInput& in) {
  GRADED_ASSIGN(const Column* predicted, in.Predicted());
  GRADED_ASSIGN(const Column* truth, in.Truth());
  return AucOf(predicted, truth);
}

namespace {

// The rows whose labels do not add to less than 0.
Graded<std::vector<RowIndex>> LabelledRows(const MetricInput& in) {
  std::vector<double> sums(in.rows());
  for (std::size_t target = 0; target < in.targets.size(); ++target) {
    GRADED_ASSIGN(const Column* truth, in.Truth(target));
    GRADED_ASSIGN(auto labels, FiniteNumbers(*truth, Side::kAnswers));
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += labels[i];
  }
  std::vector<RowIndex> rows;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (sums[i] >= 0) rows.push_back(static_cast<RowIndex>(i));
  }
  return rows;
}

}  // namespace

// params.unlabelled "negative": rows whose labels add to less than 0 are left out.
Graded<double> RocAucMean(const MetricInput& in) {
  bool select = in.TextParamOr("unlabelled", "") == "negative";
  GRADED_ASSIGN(auto rows, select ? LabelledRows(in) : std::vector<RowIndex>());
  std::vector<double> columns;
  for (std::size_t target = 0; target < in.targets.size(); ++target) {
    GRADED_ASSIGN(const Column* predicted, in.Predicted(target));
    GRADED_ASSIGN(const Column* truth, in.Truth(target));
    Column kept = select ? predicted->Take(rows) : Column();
    Column labels = select ? truth->Take(rows) : Column();
    GRADED_ASSIGN(double auc, AucOf(select ? &kept : predicted, select ? &labels : truth));
    columns.push_back(auc);
  }
  return NumpyMean(columns);
}

Graded<double> WeightedAuc(const MetricInput& in) {
  constexpr double kBands[] = {0.0, 0.4, 1.0};
  constexpr double kWeights[] = {2, 1};
  GRADED_ASSIGN(auto pair, FinitePair(in));
  std::vector<std::uint8_t> positive(pair.truth.size());
  for (std::size_t i = 0; i < positive.size(); ++i) positive[i] = pair.truth[i] == 1;
  double area = BandedAucOf(pair.predicted, positive, kBands, kWeights);
  if (std::isnan(area)) return TaskFault("bad_answers", "the answers have one class only");
  return area;
}

}  // namespace podium::scoring
