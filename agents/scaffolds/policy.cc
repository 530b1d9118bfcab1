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

std::vector<int> BestNodes(const std::vector<SearchNode>& nodes, bool lower_is_better, int count) {
  std::vector<int> out;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].good() && nodes[i].score) out.push_back(static_cast<int>(i));
  }
  auto score = [&](int i) { return *nodes[static_cast<std::size_t>(i)].score; };
  std::ranges::stable_sort(
      out, [&](int a, int b) { return Better(score(a), score(b), lower_is_better); });
  if (out.size() > static_cast<std::size_t>(count)) out.resize(static_cast<std::size_t>(count));
  return out;
}

int BestNode(const std::vector<SearchNode>& nodes, bool lower_is_better) {
  auto best = BestNodes(nodes, lower_is_better, 1);
  return best.empty() ? -1 : best.front();
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

// Of equals the one that was made of the others.
int BestOrEnsemble(const std::vector<SearchNode>& nodes, bool lower_is_better) {
  int best = BestNode(nodes, lower_is_better);
  int joined = Newest(nodes, [](const SearchNode& n) {
    return n.op == kEnsemble && n.good() && n.score.has_value();
  });
  if (joined < 0 || best < 0) return best;
  double score = *nodes[static_cast<std::size_t>(joined)].score;
  double top = *nodes[static_cast<std::size_t>(best)].score;
  return Better(top, score, lower_is_better) ? best : joined;
}

int BestOfChoice(std::vector<SearchNode> nodes, bool lower_is_better) {
  for (SearchNode& node : nodes) node.score = node.choice_score;
  return BestNode(nodes, lower_is_better);
}

}  // namespace

int ChosenNode(const std::vector<SearchNode>& nodes, bool lower_is_better, Selection selection) {
  auto counts = [](const SearchNode& n) { return n.good() && n.score.has_value(); };
  int chosen = -1;
  if (selection == Selection::kLast) chosen = Newest(nodes, counts);
  if (selection == Selection::kJoined) chosen = BestOrEnsemble(nodes, lower_is_better);
  if (selection == Selection::kHidden) chosen = BestOfChoice(nodes, lower_is_better);
  if (chosen < 0 && selection != Selection::kLast) chosen = BestNode(nodes, lower_is_better);
  if (chosen >= 0) return chosen;
  return Newest(nodes, [](const SearchNode& n) { return n.fault == "no_score"; });
}

}  // namespace podium::agents
