#include "agents/scaffolds/greedy_policy.h"

#include <algorithm>
#include <span>

namespace podium::agents {
namespace {

void MarkParents(std::span<const SearchNode> nodes, std::vector<bool>& has_child) {
  for (const auto& n : nodes) {
    for (int parent : n.parents) has_child[static_cast<std::size_t>(parent)] = true;
  }
}

std::vector<int> Debuggable(const SearchState& state, int max_depth) {
  const auto& nodes = state.nodes;
  std::vector<bool> has_child(nodes.size(), false);
  MarkParents(nodes, has_child);
  MarkParents(state.in_work, has_child);
  std::vector<int> out;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    int index = static_cast<int>(i);
    if (!nodes[i].good() && !has_child[i] && DebugDepth(nodes, index) <= max_depth)
      out.push_back(index);
  }
  return out;
}

NextStep Step(std::string_view op, int parent) { return {std::string(op), {parent}}; }

class GreedyPolicy final : public Policy {
 public:
  explicit GreedyPolicy(GreedySettings settings) : settings_(settings) {}

  std::optional<NextStep> Next(const SearchState& state) const override {
    if (state.begun() >= state.max_nodes) return std::nullopt;
    auto drafts = std::ranges::count(state.nodes, kDraft, &SearchNode::op) +
                  std::ranges::count(state.in_work, kDraft, &SearchNode::op);
    if (drafts < settings_.drafts) return NextStep{};
    Draws draws(state.seed, state.number());
    if (draws.Uniform() < settings_.debug_prob) {
      auto candidates = Debuggable(state, settings_.max_debug_depth);
      if (!candidates.empty()) return Step(kDebug, candidates[draws.Below(candidates.size())]);
    }
    int best = BestNode(state.nodes, state.lower_is_better);
    return best < 0 ? NextStep{} : Step(kImprove, best);
  }

  bool MayGrow(const SearchState& state, int node) const override {
    if (node == BestNode(state.nodes, state.lower_is_better)) return true;
    auto candidates = Debuggable(state, settings_.max_debug_depth);
    return std::ranges::find(candidates, node) != candidates.end();
  }

 private:
  GreedySettings settings_;
};

}  // namespace

std::unique_ptr<Policy> MakeGreedyPolicy(GreedySettings settings) {
  return std::make_unique<GreedyPolicy>(settings);
}

}  // namespace podium::agents
