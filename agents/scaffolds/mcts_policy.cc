#include "agents/scaffolds/mcts_policy.h"

#include <algorithm>
#include <cmath>

#include "agents/scaffolds/candidate.h"

namespace podium::agents {
namespace {

struct TreeNode {
  int parent = 0;      // its place in the tree; the root's is unused
  int node = -1;       // index of its newest search node; -1 for the root
  bool leaf = true;    // has no child
  bool alive = false;  // it, or one below it, can be expanded
  int visits = 0;
  double sum = 0;  // of scaled values
  std::vector<std::size_t> children;
};

// [0] is the root; a candidate's place is its index and one.
std::vector<TreeNode> BuildTree(const std::vector<Candidate>& candidates, bool lower_is_better) {
  ScoreScale scale(candidates, lower_is_better);
  std::vector<TreeNode> tree(candidates.size() + 1);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& candidate = candidates[i];
    std::size_t at = i + 1;
    std::size_t parent =
        candidate.parents.empty() ? 0 : static_cast<std::size_t>(candidate.parents.front()) + 1;
    tree[at].parent = static_cast<int>(parent);
    tree[at].node = candidate.last;
    tree[at].alive = candidate.good;
    tree[parent].children.push_back(at);
    double value = candidate.good ? scale.Of(candidate.score) : 0;
    for (std::size_t above = at;; above = static_cast<std::size_t>(tree[above].parent)) {
      ++tree[above].visits;
      tree[above].sum += value;
      if (above == 0) break;
    }
  }
  for (std::size_t at = tree.size(); at-- > 0;) {
    if (tree[at].children.empty()) continue;
    tree[at].leaf = false;
    tree[at].alive = std::ranges::any_of(tree[at].children,
                                         [&](std::size_t child) { return tree[child].alive; });
  }
  return tree;
}

// The living child of greatest upper confidence bound.
std::size_t BestChild(const std::vector<TreeNode>& tree, const TreeNode& parent, double c) {
  std::size_t best = 0;
  double top = 0;
  for (std::size_t child : parent.children) {
    const TreeNode& node = tree[child];
    if (!node.alive) continue;
    double bound = node.sum / node.visits + c * std::sqrt(std::log(parent.visits) / node.visits);
    if (best != 0 && bound <= top) continue;
    best = child;
    top = bound;
  }
  return best;
}

NextStep Child(const TreeNode& parent) {
  return parent.node < 0 ? NextStep{} : NextStep{std::string(kImprove), {parent.node}};
}

class MctsPolicy final : public Policy {
 public:
  explicit MctsPolicy(MctsSettings settings) : settings_(settings) {}

  std::optional<NextStep> Next(const SearchState& state) const override {
    int count = static_cast<int>(state.nodes.size());
    if (count >= state.max_nodes) return std::nullopt;
    if (count == 0) return NextStep{};
    auto candidates = Candidates(state.nodes, settings_.max_debug_depth);
    if (candidates.back().open) return NextStep{std::string(kDebug), {candidates.back().last}};
    auto tree = BuildTree(candidates, state.lower_is_better);
    const TreeNode& expanded = tree[static_cast<std::size_t>(tree.back().parent)];
    int wanted = expanded.node < 0 ? settings_.drafts : settings_.children;
    if (static_cast<int>(expanded.children.size()) % wanted != 0) return Child(expanded);
    double c = ExplorationConstant(settings_, count, state.max_nodes);
    std::size_t at = 0;
    while (tree[at].alive && !tree[at].leaf) at = BestChild(tree, tree[at], c);
    return Child(tree[at]);
  }

 private:
  MctsSettings settings_;
};

}  // namespace

double ExplorationConstant(const MctsSettings& settings, int nodes, int max_nodes) {
  const ExplorationDecay& decay = settings.decay;
  if (decay.alpha == 0) return settings.uct_c;
  double begin = decay.begin * max_nodes, end = decay.end * max_nodes;
  if (nodes < begin) return settings.uct_c;
  if (nodes > end) return decay.floor;
  return std::max(settings.uct_c - decay.alpha * (nodes - begin), decay.floor);
}

std::unique_ptr<Policy> MakeMctsPolicy(MctsSettings settings) {
  return std::make_unique<MctsPolicy>(settings);
}

}  // namespace podium::agents
