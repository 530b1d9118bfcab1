#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "scoring/leaderboard.h"

namespace podium::scoring {

struct MedalFlags {
  bool gold = false;
  bool silver = false;
  bool bronze = false;
  bool above_median = false;
  [[nodiscard]] bool any() const { return gold || silver || bronze; }
};

// A board as mle-bench ranks on it (mlebench/grade_helpers.py, Grader.rank_score): the rows keep
// the file's order, nothing is sorted, lower is better exactly when the first score is below the
// last, and a missing score is NaN, which no comparison reaches. For verdicts that are to equal
// mle-bench's; Leaderboard is the strict one.
class MleBenchBoard {
 public:
  // `scores` in the file's order, NaN where missing; no rows at all is an Error.
  [[nodiscard]] static Result<MleBenchBoard> From(std::vector<double> scores);

  [[nodiscard]] std::size_t rows() const { return scores_.size(); }
  [[nodiscard]] bool lower_is_better() const { return scores_.front() < scores_.back(); }
  // The median is over the scores that are there, NaN if none is.
  [[nodiscard]] const Thresholds& thresholds() const { return thresholds_; }
  // The flags of a score already rounded; none (an invalid submission) and NaN get nothing.
  [[nodiscard]] MedalFlags Rank(std::optional<double> score) const;

 private:
  explicit MleBenchBoard(std::vector<double> scores);
  std::vector<double> scores_;
  Thresholds thresholds_;
};

}  // namespace podium::scoring
