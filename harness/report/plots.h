#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/store/run_folder.h"

namespace podium::harness {

// Text as HTML or SVG content and attribute values.
[[nodiscard]] std::string Escape(std::string_view text);

struct BoardMark {
  std::string label;
  double score = 0;
};

// The scores of a board with their counts.
struct BoardScores {
  std::vector<std::pair<double, int>> rows;
  [[nodiscard]] int total() const;
};
// boards/<task>.csv of a run; empty when it is not there.
[[nodiscard]] BoardScores ReadBoard(const std::filesystem::path& csv);

// A histogram of the board, better scores to the right, with the medal and median lines and a mark
// for each trial. The worst twentieth of the board is gathered in the leftmost bar, which says so.
[[nodiscard]] std::string BoardPlot(const BoardScores& board, const records::GradeRecord& lines,
                                    const std::vector<BoardMark>& marks);

// The search tree: one circle a node, drafts at the top, children below; filled when it counts,
// ringed when it is the best. What was crossed has a dashed line to each further parent.
[[nodiscard]] std::string TreePlot(const TrialView& trial, bool lower_is_better);

// Validation scores over working time: a dot a node, a line for the best so far; the board's lines
// that lie near them.
[[nodiscard]] std::string TimePlot(const TrialView& trial, bool lower_is_better);

// Tokens over working time, and dollars where the prices are known; "" without a call.
[[nodiscard]] std::string SpentPlot(const TrialView& trial);

}  // namespace podium::harness
