#include <string>

#include "base/life.h"
#include "scoring/metric.h"

namespace podium::scoring {

// Answers have the columns delta and stop_0 ... stop_624; the submission has start_0 ... start_624
// in its rules' order.
Result<double> LifeForwardMae(const MetricInput& in) {
  constexpr std::size_t kCells = LifeBoard::kCells;
  PODIUM_ASSIGN(auto delta, in.answers.Column("delta"));
  PODIUM_ASSIGN(auto stop, in.answers.Column("stop_0"));
  bool shaped = in.answers.rows > 0 && in.submission.columns == kCells &&
                stop + kCells <= in.answers.names.size() &&
                in.answers.names[stop + kCells - 1] == "stop_" + std::to_string(kCells - 1) &&
                in.columns.front().name == "start_0";
  if (!shaped)
    return Fail(
        ErrorCode::kGrader,
        "life_forward_mae needs submission columns start_0..624 and answers delta, stop_0..624");
  std::uint64_t differing = 0;
  for (std::size_t row = 0; row < in.answers.rows; ++row) {
    LifeBoard start;
    LifeBoard expected;
    for (std::size_t cell = 0; cell < kCells; ++cell) {
      if (in.submission.values[row * kCells + cell] != 0) start.Set(static_cast<int>(cell));
      if (in.answers.at(row, stop + cell) != 0) expected.Set(static_cast<int>(cell));
    }
    double steps = in.answers.at(row, delta);
    if (!(steps >= 0 && steps <= 1000))
      return Fail(ErrorCode::kGrader, "delta of the answers is not from 0 to 1000");
    differing +=
        static_cast<std::uint64_t>(start.Steps(static_cast<int>(steps)).Distance(expected));
  }
  return static_cast<double>(differing) / static_cast<double>(in.answers.rows * kCells);
}

}  // namespace podium::scoring
