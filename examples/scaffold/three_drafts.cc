#include "three_drafts.h"

#include "agents/scaffolds/policy.h"
#include "agents/scaffolds/search.h"

namespace examples {
namespace {

using namespace podium;
using namespace podium::agents;

class DraftsOnly final : public Policy {
 public:
  explicit DraftsOnly(std::size_t count) : count_(count) {}
  std::optional<NextStep> Next(const SearchState& state) const override {
    return state.nodes.size() < count_ ? std::optional(NextStep{}) : std::nullopt;
  }

 private:
  std::size_t count_;
};

}  // namespace

ScaffoldInfo ThreeDrafts() {
  ScaffoldInfo out;
  out.name = "three-drafts";
  out.help = "drafts alone, and the best of them";
  out.takes_proposer = true;
  out.hands_in = HandsIn::kChosen;
  out.options = {{"drafts.count", "3", "how many"}};
  out.configure = [](const OptionReader& options) -> Result<ConfiguredScaffold> {
    PODIUM_ASSIGN(auto count, options.Int("drafts.count", 1, 100));
    ConfiguredScaffold configured;
    configured.nodes = static_cast<int>(count);
    configured.make = [count](std::unique_ptr<Proposer> proposer) {
      auto policy = std::make_unique<DraftsOnly>(static_cast<std::size_t>(count));
      return MakeSearch(std::move(policy), std::move(proposer));
    };
    return configured;
  };
  return out;
}

}  // namespace examples
