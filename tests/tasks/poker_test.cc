#include "tasks/poker.h"

#include <gtest/gtest.h>

#include <set>

namespace podium::tasks {
namespace {

PokerHand Hand(std::initializer_list<std::pair<int, int>> cards) {
  PokerHand hand;
  std::size_t i = 0;
  for (auto [suit, rank] : cards) hand[i++] = {suit, rank};
  return hand;
}

TEST(PokerClassTest, KnowsAllTenHands) {
  EXPECT_EQ(PokerClass(Hand({{1, 2}, {2, 4}, {3, 6}, {4, 8}, {1, 10}})), 0);
  EXPECT_EQ(PokerClass(Hand({{1, 2}, {2, 2}, {3, 6}, {4, 8}, {1, 10}})), 1);
  EXPECT_EQ(PokerClass(Hand({{1, 2}, {2, 2}, {3, 6}, {4, 6}, {1, 10}})), 2);
  EXPECT_EQ(PokerClass(Hand({{1, 2}, {2, 2}, {3, 2}, {4, 6}, {1, 10}})), 3);
  EXPECT_EQ(PokerClass(Hand({{1, 6}, {2, 2}, {3, 4}, {4, 3}, {1, 5}})), 4);
  EXPECT_EQ(PokerClass(Hand({{1, 2}, {1, 4}, {1, 6}, {1, 8}, {1, 10}})), 5);
  EXPECT_EQ(PokerClass(Hand({{1, 2}, {2, 2}, {3, 2}, {4, 6}, {1, 6}})), 6);
  EXPECT_EQ(PokerClass(Hand({{1, 2}, {2, 2}, {3, 2}, {4, 2}, {1, 6}})), 7);
  EXPECT_EQ(PokerClass(Hand({{2, 5}, {2, 6}, {2, 7}, {2, 8}, {2, 9}})), 8);
  EXPECT_EQ(PokerClass(Hand({{3, 1}, {3, 13}, {3, 10}, {3, 12}, {3, 11}})), 9);
}

TEST(PokerClassTest, AnAceEndsAStraightAtEitherEndAndNeverInside) {
  EXPECT_EQ(PokerClass(Hand({{1, 1}, {2, 2}, {3, 3}, {4, 4}, {1, 5}})), 4);
  EXPECT_EQ(PokerClass(Hand({{1, 1}, {2, 13}, {3, 12}, {4, 11}, {1, 10}})), 4);
  EXPECT_EQ(PokerClass(Hand({{1, 1}, {2, 13}, {3, 2}, {4, 12}, {1, 11}})), 0);
  EXPECT_EQ(PokerClass(Hand({{1, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 5}})), 8);
}

// All 2,598,960 combinations: the known counts of poker.
TEST(PokerClassTest, CountsOverTheWholeDeck) {
  std::int64_t counts[10] = {};
  PokerHand hand;
  for (int a = 0; a < 52; ++a) {
    hand[0] = {1 + a / 13, 1 + a % 13};
    for (int b = a + 1; b < 52; ++b) {
      hand[1] = {1 + b / 13, 1 + b % 13};
      for (int c = b + 1; c < 52; ++c) {
        hand[2] = {1 + c / 13, 1 + c % 13};
        for (int d = c + 1; d < 52; ++d) {
          hand[3] = {1 + d / 13, 1 + d % 13};
          for (int e = d + 1; e < 52; ++e) {
            hand[4] = {1 + e / 13, 1 + e % 13};
            ++counts[PokerClass(hand)];
          }
        }
      }
    }
  }
  const std::int64_t expected[10] = {1302540, 1098240, 123552, 54912, 10200,
                                     5108,    3744,    624,    36,    4};
  for (int i = 0; i < 10; ++i) EXPECT_EQ(counts[i], expected[i]) << i;
}

// 12 Kaggle teams sit at 0.5012: class 0 for every hand.
TEST(PokerHandTest, ClassZeroEverywhereScoresWhatKagglesTeamsGot) {
  int zeros = 0;
  constexpr int kHands = 1'000'000;
  for (std::uint64_t i = 0; i < kHands; ++i) zeros += PokerClass(MakePokerHand(52, i)) == 0;
  EXPECT_NEAR(static_cast<double>(zeros) / kHands, 0.5012, 0.001);
}

TEST(PokerHandTest, CardsAreDifferent) {
  for (std::uint64_t i = 0; i < 2000; ++i) {
    std::set<int> cards;
    for (const Card& c : MakePokerHand(7, i)) cards.insert(c.suit * 100 + c.rank);
    EXPECT_EQ(cards.size(), 5u);
  }
}

// Expected of 25,010 hands: royal flushes 25010 * 4 / 2598960 * 129.82 = 5.0, straight flushes 36 /
// 2598960 * 14.43 * 25010 = 5.0.
TEST(PokerTrainHandTest, RareHandsAreOverSampledAsStated) {
  double straight = 0, royal = 0;
  constexpr int kSeeds = 40;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (std::uint64_t i = 0; i < 2501; ++i) {
      int c = PokerClass(MakePokerTrainHand(seed, i));
      straight += c == 8;
      royal += c == 9;
    }
  }
  EXPECT_NEAR(straight, 20, 18);  // four standard deviations of a Poisson count of 20
  EXPECT_NEAR(royal, 20, 18);
}

}  // namespace
}  // namespace podium::tasks
