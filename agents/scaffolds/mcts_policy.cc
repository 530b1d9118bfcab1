#include "agents/scaffolds/mcts_policy.h"

#include <algorithm>
#include <cmath>

#include "agents/scaffolds/candidate.h"

namespace podium::agents {
namespace {

struct TreeNode {
  int parent = 0;      // its place in the tree; the root's is unused
  int node = -1;       // index of its newest search node; -1 for the root, and where none has ended
  bool leaf = true;    // has no child
  bool alive = false;  // it, or one below it, can be expanded
  int visits = 0;      // values that have come
  int coming = 0;      // values of those in work
  double sum = 0;      // of scaled values
  std::vector<std::size_t> children;
};

// [0] is the root; a candidate's place is its index and one.
class Tree {
 public:
  Tree(const std::vector<Candidate>& candidates, bool lower_is_better)
      : nodes_(candidates.size() + 1) {
    ScoreScale scale(candidates, lower_is_better);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const Candidate& candidate = candidates[i];
      Hang(i + 1, candidate);
      std::optional<double> value;
      if (candidate.settled()) value = candidate.good ? scale.Of(candidate.score) : 0;
      Visit(i + 1, value);
    }
    for (std::size_t at = nodes_.size(); at-- > 0;) {
      TreeNode& node = nodes_[at];
      if (node.children.empty()) continue;
      node.leaf = false;
      node.alive = std::ranges::any_of(node.children,
                                       [this](std::size_t child) { return nodes_[child].alive; });
    }
  }

  // The one that has begun to be expanded and lacks children; nullptr: none.
  [[nodiscard]] const TreeNode* Expanding(const MctsSettings& settings) const {
    for (const TreeNode& node : nodes_) {
      bool root = &node == &nodes_.front();
      int wanted = root ? settings.drafts : settings.children;
      if (static_cast<int>(node.children.size()) % wanted != 0) return &node;
    }
    return nullptr;
  }

  // The leaf to be expanded; the root where nothing else can be.
  [[nodiscard]] const TreeNode& Select(double c) const {
    std::size_t at = 0;
    while (nodes_[at].alive && !nodes_[at].leaf) at = BestChild(nodes_[at], c);
    return nodes_[at];
  }

 private:
  void Hang(std::size_t at, const Candidate& candidate) {
    TreeNode& node = nodes_[at];
    std::size_t parent =
        candidate.parents.empty() ? 0 : static_cast<std::size_t>(candidate.parents.front()) + 1;
    node.parent = static_cast<int>(parent);
    node.node = candidate.last;
    node.alive = candidate.good;
    nodes_[parent].children.push_back(at);
  }

  // Nothing: the value is still to come.
  void Visit(std::size_t at, std::optional<double> value) {
    for (std::size_t above = at;; above = static_cast<std::size_t>(nodes_[above].parent)) {
      ++(value ? nodes_[above].visits : nodes_[above].coming);
      nodes_[above].sum += value.value_or(0);
      if (above == 0) break;
    }
  }

  // The living child of greatest upper confidence bound. One that lives has a value.
  [[nodiscard]] std::size_t BestChild(const TreeNode& parent, double c) const {
    std::size_t best = 0;
    double top = 0;
    for (std::size_t child : parent.children) {
      const TreeNode& node = nodes_[child];
      if (!node.alive) continue;
      double explored = std::log(parent.visits + parent.coming) / (node.visits + node.coming);
      double bound = node.sum / node.visits + c * std::sqrt(explored);
      if (best != 0 && bound <= top) continue;
      best = child;
      top = bound;
    }
    return best;
  }

  std::vector<TreeNode> nodes_;
};

NextStep Child(const TreeNode& parent) {
  return parent.node < 0 ? NextStep{} : NextStep{std::string(kImprove), {parent.node}};
}

class MctsPolicy final : public Policy {
 public:
  explicit MctsPolicy(MctsSettings settings) : settings_(settings) {}

  std::optional<NextStep> Next(const SearchState& state) const override {
    if (state.begun() >= state.max_nodes) return std::nullopt;
    if (state.begun() == 0) return NextStep{};
    auto candidates = Candidates(state, settings_.max_debug_depth);
    if (auto debug = DebugOfOpen(candidates)) return debug;
    Tree tree(candidates, state.lower_is_better);
    if (const TreeNode* expanding = tree.Expanding(settings_)) return Child(*expanding);
    const TreeNode& leaf =
        tree.Select(ExplorationConstant(settings_, state.begun(), state.max_nodes));
    // What is in work may yet give the tree a leaf.
    if (leaf.node < 0 && !state.in_work.empty()) return std::nullopt;
    return Child(leaf);
  }
  bool MayGrow(const SearchState& state, int node) const override {
    return IsNewestOfLiving(state, settings_.max_debug_depth, node);
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
