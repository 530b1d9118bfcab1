#pragma once

#include <memory>

#include "agents/scaffolds/policy.h"

namespace podium::agents {

// In AIDE's terms.
struct GreedySettings {
  int drafts = 3;
  double debug_prob = 1.0;
  int max_debug_depth = 3;
};

// AIDE's greedy policy: until `drafts` drafts exist, draft; else with probability debug_prob debug
// a failed leaf whose chain of debug ancestors is no longer than max_debug_depth
// (so that a chain may hold one debug node more than that, as AIDE's); else improve the
// best node; else draft. The random draw depends on (seed, the step's number) alone. Where others
// are in work, a draft among them counts, and a failed leaf that has a child among them is none.
[[nodiscard]] std::unique_ptr<Policy> MakeGreedyPolicy(GreedySettings settings);

}  // namespace podium::agents
