#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scoring/leaderboard.h"

namespace podium::scoring {

// What is known of one of mle-bench's 82 competitions without its files.
struct MleBenchCompetition {
  std::string id;
  std::string split;        // "low", "medium", "high"; "dev" for the seven outside the 75
  bool systemcard = false;  // in the 30 of the o1 system card
  bool lower_is_better = false;
  std::size_t board_rows = 0;  // of its leaderboard.csv, some within two or three
  std::string rows_source;
  Thresholds lines;
  std::string lines_source;
  std::string kind;  // of the data: tabular, image, text, audio, time-series
};

// Reads scoring/boards/mle_bench.tsv, where a row says where its numbers are from.
[[nodiscard]] Result<std::vector<MleBenchCompetition>> ReadMleBenchCatalogue(std::string_view tsv);

// The shipped table.
[[nodiscard]] Result<std::vector<MleBenchCompetition>> MleBenchCatalogue();

// mle-bench's split lists: low (= lite), medium, high, split75 (= all), dev, systemcard.
[[nodiscard]] Result<std::vector<std::string>> MleBenchSplit(std::string_view name);

}  // namespace podium::scoring
