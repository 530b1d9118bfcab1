#pragma once

#include "agents/registry.h"

namespace podium::agents {

// Searches over programs that a proposer writes.
[[nodiscard]] ScaffoldInfo SingleShotScaffold();
[[nodiscard]] ScaffoldInfo ChainScaffold();
[[nodiscard]] ScaffoldInfo GreedyScaffold();
[[nodiscard]] ScaffoldInfo MctsScaffold();
[[nodiscard]] ScaffoldInfo EvolutionScaffold();

}  // namespace podium::agents
