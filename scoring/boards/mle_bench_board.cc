#include "scoring/boards/mle_bench_board.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace podium::scoring {
namespace {

double MedianOfPresent(std::vector<double> scores) {
  std::erase_if(scores, [](double s) { return std::isnan(s); });
  if (scores.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::ranges::sort(scores);
  std::size_t n = scores.size();
  return n % 2 ? scores[n / 2] : (scores[n / 2 - 1] + scores[n / 2]) / 2;
}

}  // namespace

MleBenchBoard::MleBenchBoard(std::vector<double> scores) : scores_(std::move(scores)) {
  MedalRanks ranks = RanksOf(scores_.size());
  thresholds_ = {scores_[ranks.gold - 1], scores_[ranks.silver - 1], scores_[ranks.bronze - 1],
                 MedianOfPresent(scores_)};
}

Result<MleBenchBoard> MleBenchBoard::From(std::vector<double> scores) {
  if (scores.empty()) return Fail(ErrorCode::kGrader, "the leaderboard has no rows");
  return MleBenchBoard(std::move(scores));
}

MedalFlags MleBenchBoard::Rank(std::optional<double> score) const {
  if (!score) return {};
  const bool lower = lower_is_better();
  auto reaches = [&](double line) { return lower ? *score <= line : *score >= line; };
  MedalFlags out;
  out.gold = reaches(thresholds_.gold);
  out.silver = !out.gold && reaches(thresholds_.silver);
  out.bronze = !out.gold && !out.silver && reaches(thresholds_.bronze);
  out.above_median = lower ? *score < thresholds_.median : *score > thresholds_.median;
  return out;
}

}  // namespace podium::scoring
