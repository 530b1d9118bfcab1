#pragma once

#include <memory>

#include "agents/scaffolds/policy.h"

namespace podium::agents {

// So many drafts, and nothing after them; the search hands in the one with the best validation
// score.
[[nodiscard]] std::unique_ptr<Policy> MakeSingleShotPolicy(int best_of = 1);

}  // namespace podium::agents
