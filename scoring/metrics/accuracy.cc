#include "scoring/metric.h"

namespace podium::scoring {

Result<double> Accuracy(const MetricInput& in) {
  PODIUM_ASSIGN(auto column, in.answers.Column(in.columns.front().name));
  if (in.answers.rows == 0) return Fail(ErrorCode::kGrader, "accuracy of no rows is not defined");
  std::size_t right = 0;
  for (std::size_t row = 0; row < in.answers.rows; ++row) {
    right += in.submission.values[row * in.submission.columns] == in.answers.at(row, column);
  }
  return static_cast<double>(right) / static_cast<double>(in.answers.rows);
}

}  // namespace podium::scoring
