#include "tasks/poker.h"

#include <algorithm>
#include <string>
#include <utility>

#include "tasks/builtins.h"
#include "tasks/counter_rng.h"

namespace podium::tasks {
namespace {

// Keeps the two tables' streams apart.
constexpr std::uint64_t kTrainStream = std::uint64_t{1} << 40;

PokerHand Deal(CounterRng& rng) {
  PokerHand hand;
  std::array<int, 52> deck;
  for (int i = 0; i < 52; ++i) deck[i] = i;
  for (int i = 0; i < 5; ++i) {  // the first five steps of Fisher and Yates
    std::swap(deck[i], deck[i + static_cast<int>(rng.Below(static_cast<std::uint32_t>(52 - i)))]);
    hand[i] = {1 + deck[i] / 13, 1 + deck[i] % 13};
  }
  return hand;
}

// How much more often a class is in the training data, in hundredths.
std::uint32_t TrainWeight(int hand_class) {
  return hand_class == 9 ? 12'982 : hand_class == 8 ? 1'443 : 100;
}

void AppendHand(std::string& out, const PokerHand& hand) {
  for (const Card& card : hand) {
    out += std::to_string(card.suit);
    out += ',';
    out += std::to_string(card.rank);
    out += ',';
  }
}

}  // namespace

int PokerClass(const PokerHand& hand) {
  std::array<int, 14> count{};
  for (const Card& card : hand) ++count[card.rank];
  bool flush = std::ranges::all_of(hand, [&](const Card& c) { return c.suit == hand[0].suit; });
  int most = *std::ranges::max_element(count);
  auto pairs = std::ranges::count(count, 2);
  if (most == 4) return 7;
  if (most == 3) return pairs ? 6 : 3;
  if (pairs) return static_cast<int>(pairs);
  auto lowest = std::ranges::find(count, 1) - count.begin();
  bool run = lowest <= 9 && std::all_of(count.begin() + lowest, count.begin() + lowest + 5,
                                        [](int n) { return n == 1; });
  bool ace_high = count[1] && count[10] && count[11] && count[12] && count[13];
  if (flush) return ace_high ? 9 : run ? 8 : 5;
  return run || ace_high ? 4 : 0;
}

PokerHand MakePokerHand(std::uint64_t seed, std::uint64_t index) {
  CounterRng rng(seed, index);
  return Deal(rng);
}

PokerHand MakePokerTrainHand(std::uint64_t seed, std::uint64_t index) {
  CounterRng rng(seed, kTrainStream + index);
  for (;;) {
    PokerHand hand = Deal(rng);
    if (rng.Below(12'982) < TrainWeight(PokerClass(hand))) return hand;
  }
}

Status BuildPoker(const BuildContext& context) {
  PODIUM_ASSIGN(auto seed, context.Param("seed", 1'000'000'000));
  PODIUM_ASSIGN(auto train_hands, context.Param("train_hands", 10'000'000));
  PODIUM_ASSIGN(auto test_hands, context.Param("test_hands", 10'000'000));
  context.progress("dealing " + std::to_string(train_hands + test_hands) + " poker hands");
  const std::string cards = "S1,C1,S2,C2,S3,C3,S4,C4,S5,C5";
  std::string train = cards + ",hand\n";
  for (std::int64_t i = 0; i < train_hands; ++i) {
    PokerHand hand =
        MakePokerTrainHand(static_cast<std::uint64_t>(seed), static_cast<std::uint64_t>(i));
    AppendHand(train, hand);
    train += std::to_string(PokerClass(hand)) + "\n";
  }
  PODIUM_TRY(context.Write("public/train.csv", train));

  std::string test = "id," + cards + "\n";
  std::string answers = "id,hand\n";
  std::string sample = answers;
  for (std::int64_t i = 0; i < test_hands; ++i) {
    PokerHand hand = MakePokerHand(static_cast<std::uint64_t>(seed), static_cast<std::uint64_t>(i));
    std::string id = std::to_string(i + 1) + ",";
    test += id;
    AppendHand(test, hand);
    test.back() = '\n';
    answers += id + std::to_string(PokerClass(hand)) + "\n";
    sample += id + "0\n";
  }
  PODIUM_TRY(context.Write("public/test.csv", test));
  PODIUM_TRY(context.Write("public/sample_submission.csv", sample));
  PODIUM_TRY(context.Write("private/answers.csv", answers));
  return context.Write("private/perfect_submission.csv", answers);
}

}  // namespace podium::tasks
