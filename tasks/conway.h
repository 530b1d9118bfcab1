#pragma once

#include <cstdint>

#include "base/life.h"

namespace podium::tasks {

// One game of the reverse Life task.
struct ConwayGame {
  int delta = 1;  // generations from start to stop, 1 to 5
  LifeBoard start;
  LifeBoard stop;  // never empty
};

// Game number `index` of a seed, by the procedure published with Kaggle's
// conways-reverse-game-of-life-2020: each cell alive with a density drawn uniformly from 1 % to 99
// %, five generations of warm-up give the start, delta more the stop; games with an empty stop are
// drawn again.
[[nodiscard]] ConwayGame MakeConwayGame(std::uint64_t seed, std::uint64_t index);

}  // namespace podium::tasks
