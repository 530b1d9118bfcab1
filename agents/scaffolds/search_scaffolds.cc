#include "agents/scaffolds/search_scaffolds.h"

#include "agents/scaffolds/greedy_policy.h"
#include "agents/scaffolds/search.h"

namespace podium::agents {
namespace {

ScaffoldInfo SearchInfo(std::string name, std::string help) {
  ScaffoldInfo out;
  out.name = std::move(name);
  out.help = std::move(help);
  out.takes_proposer = true;
  out.hands_in = HandsIn::kChosen;
  out.also_usable = {"budget.exec"};
  return out;
}

Result<ConfiguredScaffold> ConfigureGreedy(const OptionReader& options) {
  PODIUM_ASSIGN(auto drafts, options.Int("search.drafts", 1, 1000));
  PODIUM_ASSIGN(auto depth, options.Int("search.max_debug_depth", 0, 1000));
  PODIUM_ASSIGN(auto nodes, options.Int("budget.nodes", 1, 1'000'000));
  GreedySettings settings{.drafts = static_cast<int>(drafts),
                          .max_debug_depth = static_cast<int>(depth)};
  PODIUM_ASSIGN(settings.debug_prob, options.Double("search.debug_prob", 0, 1));
  ConfiguredScaffold out;
  out.nodes = static_cast<int>(nodes);
  out.make = [settings](std::unique_ptr<Proposer> proposer) {
    return MakeSearch(MakeGreedyPolicy(settings), std::move(proposer));
  };
  return out;
}

}  // namespace

ScaffoldInfo GreedyScaffold() {
  ScaffoldInfo out = SearchInfo("greedy", "drafts, then debug what failed, then improve the best");
  out.options = {
      {"search.drafts", "3", "first solutions before debugging and improving"},
      {"search.debug_prob", "1", "probability of debugging a failed leaf first"},
      {"search.max_debug_depth", "3", "debug steps in a row on one draft"},
  };
  out.also_usable.emplace_back("budget.nodes");
  out.configure = ConfigureGreedy;
  return out;
}

ScaffoldInfo SingleShotScaffold() {
  ScaffoldInfo out = SearchInfo("single-shot", "one draft, run once");
  out.configure = [](const OptionReader&) -> Result<ConfiguredScaffold> {
    ConfiguredScaffold configured;
    configured.make = [](std::unique_ptr<Proposer> proposer) {
      return MakeSearch(MakeSingleShotPolicy(), std::move(proposer));
    };
    return configured;
  };
  return out;
}

}  // namespace podium::agents
