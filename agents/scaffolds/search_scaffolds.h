#pragma once

#include "agents/registry.h"

namespace podium::agents {

// Searches over programs that a proposer writes.
[[nodiscard]] ScaffoldInfo GreedyScaffold();
[[nodiscard]] ScaffoldInfo SingleShotScaffold();

}  // namespace podium::agents
