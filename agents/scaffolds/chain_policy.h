#pragma once

#include <memory>

#include "agents/scaffolds/policy.h"

namespace podium::agents {

// One line without branches: draft; debug the last node while it is broken and its chain of debug
// steps no longer than max_debug_depth, then draft afresh; improve the last node where it counts.
[[nodiscard]] std::unique_ptr<Policy> MakeChainPolicy(int max_debug_depth);

}  // namespace podium::agents
