#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "scoring/metrics/inputs.h"
#include "scoring/metrics/metrics.h"

namespace podium::scoring {

// Positives among the params.k rows with the highest scores (CoIL Challenge 2000); rows tied at the
// line count by their share of positives.
Graded<double> TopKHits(const MetricInput& in) {
  GRADED_ASSIGN(auto k, in.IntParam("k", 1, static_cast<std::int64_t>(in.rows())));
  GRADED_ASSIGN(auto pair, FinitePair(in));
  std::vector<std::pair<double, bool>> rows(pair.truth.size());
  for (std::size_t row = 0; row < rows.size(); ++row)
    rows[row] = {pair.predicted[row], pair.truth[row] == 1};
  std::ranges::sort(rows, std::ranges::greater(), &std::pair<double, bool>::first);
  const double line = rows[static_cast<std::size_t>(k) - 1].first;
  std::int64_t above = 0;
  std::int64_t hits_above = 0;
  std::int64_t tied = 0;
  std::int64_t hits_tied = 0;
  for (const auto& [score, positive] : rows) {
    if (score < line) break;
    ++(score > line ? above : tied);
    (score > line ? hits_above : hits_tied) += positive;
  }
  return static_cast<double>(hits_above) +
         static_cast<double>((k - above) * hits_tied) / static_cast<double>(tied);
}

}  // namespace podium::scoring
