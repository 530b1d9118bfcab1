#include <string>

#include "base/life.h"
#include "scoring/metrics/inputs.h"
#include "scoring/metrics/metrics.h"

namespace podium::scoring {
namespace {

constexpr std::size_t kCells = LifeBoard::kCells;

// Sets the cells of one board a row from the columns <prefix>0 ... <prefix>624.
Graded<std::vector<LifeBoard>> Boards(const Frame& frame, const std::string& prefix, Side side) {
  std::vector<LifeBoard> boards(frame.rows);
  for (std::size_t cell = 0; cell < kCells; ++cell) {
    const Column* column = frame.Find(prefix + std::to_string(cell));
    if (column == nullptr)
      return TaskFault("bad_answers",
                       "life_forward_mae needs submission columns start_0..624 and "
                       "answers delta, stop_0..624");
    GRADED_ASSIGN(auto values, FiniteNumbers(*column, side));
    for (std::size_t row = 0; row < values.size(); ++row) {
      if (values[row] != 0) boards[row].Set(static_cast<int>(cell));
    }
  }
  return boards;
}

}  // namespace

// Share of cells that differ after stepping the submitted board delta generations of Life.
Graded<double> LifeForwardMae(const MetricInput& in) {
  GRADED_ASSIGN(const Column* delta, in.AnswerColumn("delta"));
  GRADED_ASSIGN(auto steps, FiniteNumbers(*delta, Side::kAnswers));
  GRADED_ASSIGN(auto starts, Boards(in.submission, "start_", Side::kSubmission));
  GRADED_ASSIGN(auto stops, Boards(in.answers, "stop_", Side::kAnswers));
  if (stops.empty()) return TaskFault("bad_answers", "the answers have no rows");
  std::uint64_t differing = 0;
  for (std::size_t row = 0; row < stops.size(); ++row) {
    if (!(steps[row] >= 0 && steps[row] <= 1000))
      return TaskFault("bad_answers", "delta of the answers is not from 0 to 1000");
    differing += static_cast<std::uint64_t>(
        starts[row].Steps(static_cast<int>(steps[row])).Distance(stops[row]));
  }
  return static_cast<double>(differing) / static_cast<double>(stops.size() * kCells);
}

}  // namespace podium::scoring
