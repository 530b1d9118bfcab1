#include "agents/scaffolds/chain_policy.h"

namespace podium::agents {
namespace {

class ChainPolicy final : public Policy {
 public:
  explicit ChainPolicy(int max_debug_depth) : max_debug_depth_(max_debug_depth) {}

  std::optional<NextStep> Next(const SearchState& state) const override {
    int count = static_cast<int>(state.nodes.size());
    if (count >= state.max_nodes || !state.in_work.empty()) return std::nullopt;
    if (count == 0) return NextStep{};
    int last = count - 1;
    if (state.nodes.back().good()) return NextStep{std::string(kImprove), {last}};
    if (DebugDepth(state.nodes, last) <= max_debug_depth_)
      return NextStep{std::string(kDebug), {last}};
    return NextStep{};
  }
  bool MayGrow(const SearchState& state, int node) const override {
    return node + 1 == static_cast<int>(state.nodes.size());
  }

 private:
  int max_debug_depth_;
};

}  // namespace

std::unique_ptr<Policy> MakeChainPolicy(int max_debug_depth) {
  return std::make_unique<ChainPolicy>(max_debug_depth);
}

}  // namespace podium::agents
