#pragma once

#include <memory>

#include "agents/scaffolds/policy.h"

namespace podium::agents {

// ML-Master's fall of the exploration constant: c until begin * max_nodes nodes, then less by alpha
// a node, never below `floor`, and `floor` from end * max_nodes on. alpha 0: constant.
struct ExplorationDecay {
  double alpha = 0;
  double floor = 0;
  double begin = 0.3;
  double end = 0.7;
};

// In AIRA's terms.
struct MctsSettings {
  int drafts = 5;    // children of the root
  int children = 5;  // of any other node that is expanded
  double uct_c = 0.25;
  ExplorationDecay decay;
  int max_debug_depth = 20;
};

// Monte Carlo tree search without rollouts (AIRA, arXiv 2507.02554). From the root the child of
// greatest Q + c * sqrt(ln(N_parent) / N) is taken, of equals the first, until a leaf is reached;
// the leaf gets all its children one after the other, each debugged until it counts or its chain is
// too long. Then its value, the score scaled to 0..1 over all scores so far, goes to it and to all
// above it: N counts such values, Q is their mean. Children in work are counted as children, and in
// N (and N_parent) but not in Q; where nothing can be expanded before one of them ends, it is
// waited for. A child that never counted has value 0 and is not expanded, nor is one below which
// nothing can be; where nothing is left, the root is expanded once more.
[[nodiscard]] std::unique_ptr<Policy> MakeMctsPolicy(MctsSettings settings);

// c as it stands when so many nodes have ended.
[[nodiscard]] double ExplorationConstant(const MctsSettings& settings, int nodes, int max_nodes);

}  // namespace podium::agents
