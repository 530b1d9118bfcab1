#pragma once

#include <array>
#include <cstdint>

namespace podium::tasks {

struct Card {
  int suit = 1;  // 1 to 4
  int rank = 1;  // 1 (ace) to 13 (king)
};
using PokerHand = std::array<Card, 5>;  // in the order dealt

// 0 nothing, 1 one pair, 2 two pairs, 3 three of a kind, 4 straight, 5 flush, 6 full house, 7 four
// of a kind, 8 straight flush, 9 royal flush. An ace ends a straight at either end.
[[nodiscard]] int PokerClass(const PokerHand& hand);

// Hand number `index` of a seed, uniform over ordered hands of five different cards.
[[nodiscard]] PokerHand MakePokerHand(std::uint64_t seed, std::uint64_t index);

// The same with straight flushes 14.43 and royal flushes 129.82 times as likely, which Kaggle's
// poker-rule-induction states of its training data. By rejection.
[[nodiscard]] PokerHand MakePokerTrainHand(std::uint64_t seed, std::uint64_t index);

}  // namespace podium::tasks
