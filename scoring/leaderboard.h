#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace podium::scoring {

struct Thresholds {
  double gold = 0;
  double silver = 0;
  double bronze = 0;
  double median = 0;
};

enum class Medal { kNone, kBronze, kSilver, kGold };
std::string_view MedalText(Medal medal);  // "none", "bronze", "silver", "gold"

struct Standing {
  Medal medal = Medal::kNone;
  bool above_median = false;
  std::size_t rank = 1;   // the place that the score would take: 1 + rows that are strictly better
  double percentile = 0;  // share of rows that are worse; equal rows count half
};

// Ranks (1-based) whose scores are the medal lines of a board of n >= 1 rows: Kaggle's rule as
// MLE-bench computes it (mlebench/grade_helpers.py, rank_score), with its truncations as integer
// division.
struct MedalRanks {
  std::size_t gold = 1;
  std::size_t silver = 1;
  std::size_t bronze = 1;
};
[[nodiscard]] MedalRanks RanksOf(std::size_t n);

// Rounding to five decimals as numpy.round does: x * 1e5, to the nearest even whole number, / 1e5.
[[nodiscard]] double RoundScore(double value);

// A board's scores. The direction is the task's, never read off the board.
class Leaderboard {
 public:
  // Reads a board of any kind (ReadBoard) by strict rules; errors name the line.
  [[nodiscard]] static Result<Leaderboard> FromCsv(std::string_view csv, bool lower_is_better);

  // Scores in any order; missing ones (NaN) are left out. None at all is an Error.
  [[nodiscard]] static Result<Leaderboard> FromScores(std::vector<double> scores,
                                                      bool lower_is_better);

  [[nodiscard]] std::size_t rows() const { return scores_.size(); }
  [[nodiscard]] Thresholds thresholds() const;
  // MLE-bench's comparison: the score rounded to five decimals against the unrounded lines, equal
  // included for medals and excluded for the median.
  [[nodiscard]] Standing Place(double rounded_score) const;

 private:
  Leaderboard(std::vector<double> scores, bool lower)
      : scores_(std::move(scores)), lower_is_better_(lower) {}
  [[nodiscard]] bool Better(double a, double b) const { return lower_is_better_ ? a < b : a > b; }

  std::vector<double> scores_;  // best first
  bool lower_is_better_;
};

}  // namespace podium::scoring
