#include "tasks/conway.h"

#include <string>

#include "tasks/builtins.h"
#include "tasks/counter_rng.h"

namespace podium::tasks {
namespace {

constexpr int kWarmUpSteps = 5;

LifeBoard RandomBoard(CounterRng& rng) {
  // One percent to 99 percent of 2^32, in whole numbers.
  constexpr std::uint32_t kLow = 42'949'673;
  constexpr std::uint32_t kHigh = 4'252'017'623;
  std::uint32_t density = kLow + rng.Below(kHigh - kLow + 1);
  LifeBoard board;
  for (int cell = 0; cell < LifeBoard::kCells; ++cell) {
    if ((rng.Next() >> 32) < density) board.Set(cell);
  }
  return board;
}

void AppendCells(std::string& out, const LifeBoard& board) {
  for (int cell = 0; cell < LifeBoard::kCells; ++cell) {
    out += ',';
    out += board.at(cell) ? '1' : '0';
  }
}

void AppendNames(std::string& out, const char* prefix) {
  for (int cell = 0; cell < LifeBoard::kCells; ++cell) out += "," + (prefix + std::to_string(cell));
}

}  // namespace

ConwayGame MakeConwayGame(std::uint64_t seed, std::uint64_t index) {
  CounterRng rng(seed, index);
  ConwayGame game;
  do {
    game.delta = 1 + static_cast<int>(rng.Below(5));
    game.start = RandomBoard(rng).Steps(kWarmUpSteps);
    game.stop = game.start.Steps(game.delta);
  } while (game.stop.empty());
  return game;
}

Status BuildConway(const BuildContext& context) {
  PODIUM_ASSIGN(auto seed, context.Param("seed", 1'000'000'000));
  PODIUM_ASSIGN(auto train_games, context.Param("train_games", 1'000'000));
  PODIUM_ASSIGN(auto test_games, context.Param("test_games", 1'000'000));
  context.progress("generating " + std::to_string(train_games + test_games) + " games of Life");
  std::string starts;
  std::string stops;
  AppendNames(starts, "start_");
  AppendNames(stops, "stop_");
  std::string table = "id,delta" + starts + stops + "\n";
  table.reserve(static_cast<std::size_t>(train_games) * (4 * LifeBoard::kCells + 10));
  for (std::int64_t i = 0; i < train_games; ++i) {
    ConwayGame game =
        MakeConwayGame(static_cast<std::uint64_t>(seed), static_cast<std::uint64_t>(i));
    table += std::to_string(i) + "," + std::to_string(game.delta);
    AppendCells(table, game.start);
    AppendCells(table, game.stop);
    table += '\n';
  }
  PODIUM_TRY(context.Write("public/train.csv", table));

  std::string test = "id,delta" + stops + "\n";
  std::string sample = "id" + starts + "\n";
  std::string perfect = sample;
  for (std::int64_t i = train_games; i < train_games + test_games; ++i) {
    ConwayGame game =
        MakeConwayGame(static_cast<std::uint64_t>(seed), static_cast<std::uint64_t>(i));
    std::string id = std::to_string(i);
    test += id + "," + std::to_string(game.delta);
    AppendCells(test, game.stop);
    perfect += id;
    AppendCells(perfect, game.start);
    sample += id;
    AppendCells(sample, {});
    for (std::string* text : {&test, &perfect, &sample}) *text += '\n';
  }
  PODIUM_TRY(context.Write("public/test.csv", test));
  PODIUM_TRY(context.Write("public/sample_submission.csv", sample));
  PODIUM_TRY(context.Write("private/answers.csv", test));
  return context.Write("private/perfect_submission.csv", perfect);
}

}  // namespace podium::tasks
