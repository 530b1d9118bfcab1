#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "harness/store/run_folder.h"

namespace podium::harness {

// A run at one moment, for a person who watches it: counts, who works on it, what holds it, the
// trials that are worked on with how long each has been silent, spending and forecast, and the last
// that ended. At most `rows` trials of each kind. Blocks: asks which processes work on it.
[[nodiscard]] std::string BoardText(const RunView& run, WallTime now, std::size_t rows);

}  // namespace podium::harness
