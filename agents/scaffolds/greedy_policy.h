#pragma once

#include <cstdint>
#include <vector>

#include "agents/proposer.h"

namespace podium::agents {

struct NextStep {
  Operator op = Operator::kDraft;
  int parent = -1;
};

// AIDE's greedy policy: until `drafts` drafts exist, draft; else with probability debug_prob debug
// a failed leaf whose chain of debug ancestors is no longer than max_debug_depth; else improve the
// best node; else draft. The random draw depends on (seed, number of nodes) alone, so that an
// interrupted search goes on as it would have.
[[nodiscard]] NextStep ChooseNext(const std::vector<SearchNode>& nodes,
                                  const SearchSettings& settings, bool lower_is_better,
                                  std::uint64_t seed);

// Index of the best good node, -1 if there is none; of equals the first.
[[nodiscard]] int BestNode(const std::vector<SearchNode>& nodes, bool lower_is_better);

// Consecutive debug steps that end in this node.
[[nodiscard]] int DebugDepth(const std::vector<SearchNode>& nodes, int index);

}  // namespace podium::agents
