// Label-weighted label-ranking average precision (freesound-audio-tagging-2019): scikit-learn's
// label_ranking_average_precision_score, rows weighted by their number of true labels, rows without
// one left out. Tied scores take the worst rank of their tie.

#include <vector>

#include "scoring/metrics/inputs.h"
#include "scoring/metrics/metrics.h"

namespace podium::scoring {
namespace {

// Mean over the true labels of (true labels ranked at or above) / (labels ranked at or above).
double RowPrecision(const std::vector<double>& scores, const std::vector<std::size_t>& truth) {
  if (truth.size() == scores.size()) return 1;
  double sum = 0;
  for (std::size_t label : truth) {
    double above = 0;
    double true_above = 0;
    for (double score : scores) above += score >= scores[label];
    for (std::size_t other : truth) true_above += scores[other] >= scores[label];
    sum += true_above / above;
  }
  return sum / static_cast<double>(truth.size());
}

}  // namespace

Graded<double> LabelRankingPrecision(const MetricInput& in) {
  std::vector<NumberPair> columns;
  for (std::size_t target = 0; target < in.targets.size(); ++target) {
    GRADED_ASSIGN(auto pair, FinitePair(in, target));
    columns.push_back(std::move(pair));
  }
  double weighted = 0;
  double weights = 0;
  std::vector<double> scores(columns.size());
  for (std::size_t row = 0; row < in.rows(); ++row) {
    std::vector<std::size_t> truth;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      scores[c] = columns[c].predicted[row];
      if (columns[c].truth[row] > 0) truth.push_back(c);
    }
    if (truth.empty()) continue;
    auto weight = static_cast<double>(truth.size());
    weighted += weight * RowPrecision(scores, truth);
    weights += weight;
  }
  if (weights == 0) return TaskFault("bad_answers", "no row has a label");
  return weighted / weights;
}

}  // namespace podium::scoring
