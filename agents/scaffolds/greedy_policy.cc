#include "agents/scaffolds/greedy_policy.h"

#include <algorithm>

namespace podium::agents {
namespace {

std::vector<int> Debuggable(const std::vector<SearchNode>& nodes, int max_depth) {
  std::vector<bool> has_child(nodes.size(), false);
  for (const auto& n : nodes) {
    for (int parent : n.parents) has_child[static_cast<std::size_t>(parent)] = true;
  }
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
    if (static_cast<int>(state.nodes.size()) >= state.max_nodes) return std::nullopt;
    auto drafts = std::ranges::count(state.nodes, kDraft, &SearchNode::op);
    if (drafts < settings_.drafts) return NextStep{};
    Draws draws(state.seed, state.nodes.size());
    if (draws.Uniform() < settings_.debug_prob) {
      auto candidates = Debuggable(state.nodes, settings_.max_debug_depth);
      if (!candidates.empty()) return Step(kDebug, candidates[draws.Below(candidates.size())]);
    }
    int best = BestNode(state.nodes, state.lower_is_better);
    return best < 0 ? NextStep{} : Step(kImprove, best);
  }

 private:
  GreedySettings settings_;
};

}  // namespace

std::unique_ptr<Policy> MakeGreedyPolicy(GreedySettings settings) {
  return std::make_unique<GreedyPolicy>(settings);
}

}  // namespace podium::agents
