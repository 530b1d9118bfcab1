#include <algorithm>
#include <utility>
#include <vector>

#include "scoring/metric.h"

namespace podium::scoring {

// The Mann-Whitney statistic over sorted scores, in whole numbers (twice the wins), so that no
// order of rows changes a bit.
Result<double> RocAuc(const MetricInput& in) {
  PODIUM_ASSIGN(auto column, in.answers.Column(in.columns.front().name));
  std::vector<std::pair<double, bool>> rows(in.answers.rows);
  std::uint64_t positives = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    double label = in.answers.at(row, column);
    if (label != 0 && label != 1)
      return Fail(ErrorCode::kGrader, "ROC AUC needs answers of 0 and 1");
    rows[row] = {in.submission.values[row * in.submission.columns], label == 1};
    positives += label == 1;
  }
  std::uint64_t negatives = rows.size() - positives;
  if (positives == 0 || negatives == 0)
    return Fail(ErrorCode::kGrader, "ROC AUC needs answers of both classes");
  std::ranges::sort(rows, {}, &std::pair<double, bool>::first);
  std::uint64_t twice_wins = 0;
  std::uint64_t negatives_below = 0;
  for (std::size_t i = 0; i < rows.size();) {
    std::uint64_t tied_positives = 0;
    std::uint64_t tied_negatives = 0;
    std::size_t first = i;
    for (; i < rows.size() && rows[i].first == rows[first].first; ++i)
      ++(rows[i].second ? tied_positives : tied_negatives);
    twice_wins += tied_positives * (2 * negatives_below + tied_negatives);
    negatives_below += tied_negatives;
  }
  return static_cast<double>(twice_wins) /
         (2.0 * static_cast<double>(positives) * static_cast<double>(negatives));
}

}  // namespace podium::scoring
