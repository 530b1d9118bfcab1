#include "agents/scaffolds/policy.h"

#include <algorithm>

namespace podium::agents {

std::uint64_t MixedWord(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

double Draws::Uniform() {
  double out = static_cast<double>(word_ >> 11) * 0x1.0p-53;
  word_ = MixedWord(word_);
  return out;
}

std::size_t Draws::Below(std::size_t count) {
  std::size_t out = word_ % count;
  word_ = MixedWord(word_);
  return out;
}

bool Policy::MayGrow(const SearchState&, int) const { return true; }

bool IsDebugged(const SearchState& state, int node) {
  return std::ranges::any_of(state.in_work, [&](const SearchNode& other) {
    return other.op == kDebug && other.parent() == node;
  });
}

int DebugDepth(const std::vector<SearchNode>& nodes, int index) {
  int depth = 0;
  for (int i = index; i >= 0 && nodes[static_cast<std::size_t>(i)].op == kDebug;
       i = nodes[static_cast<std::size_t>(i)].parent()) {
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
    if (Better(score, top, lower_is_better)) best = static_cast<int>(i);
  }
  return best;
}

namespace {

// -1: none.
template <class Is>
int Newest(const std::vector<SearchNode>& nodes, Is is) {
  for (std::size_t i = nodes.size(); i-- > 0;) {
    if (is(nodes[i])) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace

int ChosenNode(const std::vector<SearchNode>& nodes, bool lower_is_better, Selection selection) {
  auto counts = [](const SearchNode& n) { return n.good() && n.score.has_value(); };
  int chosen =
      selection == Selection::kLast ? Newest(nodes, counts) : BestNode(nodes, lower_is_better);
  if (chosen >= 0) return chosen;
  return Newest(nodes, [](const SearchNode& n) { return n.fault == "no_score"; });
}

}  // namespace podium::agents
