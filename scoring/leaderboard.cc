#include "scoring/leaderboard.h"

#include <algorithm>
#include <cmath>

#include "tables/board.h"

namespace podium::scoring {
std::string_view MedalText(Medal medal) {
  static constexpr std::string_view kTexts[] = {"none", "bronze", "silver", "gold"};
  return kTexts[static_cast<std::size_t>(medal)];
}

MedalRanks RanksOf(std::size_t n) {
  auto at_least_one = [](std::size_t rank) { return std::max<std::size_t>(1, rank); };
  if (n < 100) return {at_least_one(n / 10), at_least_one(n / 5), at_least_one(n * 2 / 5)};
  if (n < 250) return {10, n / 5, n * 2 / 5};
  if (n < 1000) return {10 + n / 500, 50, 100};
  return {10 + n / 500, n / 20, n / 10};
}

double RoundScore(double value) {
  double scaled = value * 1e5;
  return std::isfinite(scaled) ? std::nearbyint(scaled) / 1e5 : value;
}

Result<Leaderboard> Leaderboard::FromCsv(std::string_view csv, bool lower_is_better) {
  PODIUM_ASSIGN(auto board, ReadBoard(csv, BoardRules::kStrict));
  return FromScores(std::move(board.scores), lower_is_better);
}

Result<Leaderboard> Leaderboard::FromScores(std::vector<double> scores, bool lower_is_better) {
  std::erase_if(scores, [](double score) { return std::isnan(score); });
  if (scores.empty()) return Fail(ErrorCode::kGrader, "the leaderboard has no rows");
  if (lower_is_better) {
    std::ranges::sort(scores);
  } else {
    std::ranges::sort(scores, std::ranges::greater());
  }
  return Leaderboard(std::move(scores), lower_is_better);
}

Thresholds Leaderboard::thresholds() const {
  MedalRanks ranks = RanksOf(scores_.size());
  std::size_t n = scores_.size();
  double median = n % 2 ? scores_[n / 2] : (scores_[n / 2 - 1] + scores_[n / 2]) / 2;
  return {scores_[ranks.gold - 1], scores_[ranks.silver - 1], scores_[ranks.bronze - 1], median};
}

Standing Leaderboard::Place(double score) const {
  Thresholds lines = thresholds();
  auto reaches = [&](double line) { return !Better(line, score); };
  Standing out;
  out.medal = reaches(lines.gold)     ? Medal::kGold
              : reaches(lines.silver) ? Medal::kSilver
              : reaches(lines.bronze) ? Medal::kBronze
                                      : Medal::kNone;
  out.above_median = Better(score, lines.median);
  auto better = static_cast<std::size_t>(
      std::ranges::count_if(scores_, [&](double s) { return Better(s, score); }));
  auto equal = static_cast<std::size_t>(std::ranges::count(scores_, score));
  out.rank = better + 1;
  out.percentile =
      (static_cast<double>(scores_.size() - better - equal) + static_cast<double>(equal) / 2) /
      static_cast<double>(scores_.size());
  return out;
}

}  // namespace podium::scoring
