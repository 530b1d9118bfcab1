#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "scoring/metric.h"

namespace podium::scoring {

Result<double> TopKHits(const MetricInput& in) {
  PODIUM_ASSIGN(auto column, in.answers.Column(in.columns.front().name));
  PODIUM_ASSIGN(auto k, in.Param("k", static_cast<std::int64_t>(in.answers.rows)));
  std::vector<std::pair<double, bool>> rows(in.answers.rows);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    rows[row] = {in.submission.values[row * in.submission.columns],
                 in.answers.at(row, column) == 1};
  }
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
