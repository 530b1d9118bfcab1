#include "agents/scaffolds/greedy_policy.h"

#include <algorithm>

namespace podium::agents {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014): one well-mixed word from a counter.
std::uint64_t Mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

std::vector<int> Debuggable(const std::vector<SearchNode>& nodes, int max_depth) {
  std::vector<bool> has_child(nodes.size(), false);
  for (const auto& n : nodes) {
    if (n.parent >= 0) has_child[static_cast<std::size_t>(n.parent)] = true;
  }
  std::vector<int> out;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    int index = static_cast<int>(i);
    if (!nodes[i].good() && !has_child[i] && DebugDepth(nodes, index) <= max_depth)
      out.push_back(index);
  }
  return out;
}

}  // namespace

int DebugDepth(const std::vector<SearchNode>& nodes, int index) {
  int depth = 0;
  for (int i = index; i >= 0 && nodes[static_cast<std::size_t>(i)].op == Operator::kDebug;
       i = nodes[static_cast<std::size_t>(i)].parent) {
    ++depth;
  }
  return depth;
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

NextStep ChooseNext(const std::vector<SearchNode>& nodes, const SearchSettings& settings,
                    bool lower_is_better, std::uint64_t seed) {
  auto drafts =
      std::ranges::count_if(nodes, [](const SearchNode& n) { return n.op == Operator::kDraft; });
  if (drafts < settings.drafts) return {Operator::kDraft, -1};
  std::uint64_t draw = Mix(Mix(seed) + nodes.size());
  double uniform = static_cast<double>(draw >> 11) * 0x1.0p-53;
  if (uniform < settings.debug_prob) {
    auto candidates = Debuggable(nodes, settings.max_debug_depth);
    if (!candidates.empty()) return {Operator::kDebug, candidates[Mix(draw) % candidates.size()]};
  }
  int best = BestNode(nodes, lower_is_better);
  if (best < 0) return {Operator::kDraft, -1};
  return {Operator::kImprove, best};
}

}  // namespace podium::agents
