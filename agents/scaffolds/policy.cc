#include "agents/scaffolds/policy.h"

namespace podium::agents {

std::uint64_t MixedWord(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

int BestNode(const std::vector<SearchNode>& nodes, bool lower_is_better) {
  int best = -1;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!nodes[i].good() || !nodes[i].score) continue;
    double score = *nodes[i].score;
    if (best < 0) {
      best = static_cast<int>(i);
      continue;
    }
    double top = *nodes[static_cast<std::size_t>(best)].score;
    if (lower_is_better ? score < top : score > top) best = static_cast<int>(i);
  }
  return best;
}

int ChosenNode(const std::vector<SearchNode>& nodes, bool lower_is_better) {
  int chosen = BestNode(nodes, lower_is_better);
  for (std::size_t i = nodes.size(); chosen < 0 && i-- > 0;) {
    if (nodes[i].fault == "no_score") chosen = static_cast<int>(i);
  }
  return chosen;
}

}  // namespace podium::agents
