#include "agents/scaffolds/search_scaffolds.h"

#include <algorithm>
#include <utility>

#include "agents/scaffolds/chain_policy.h"
#include "agents/scaffolds/evolution_policy.h"
#include "agents/scaffolds/greedy_policy.h"
#include "agents/scaffolds/mcts_policy.h"
#include "agents/scaffolds/search.h"
#include "agents/scaffolds/search_options.h"
#include "agents/scaffolds/single_shot_policy.h"

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

constexpr std::pair<std::string_view, Selection> kSelections[] = {
    {"best", Selection::kBest},       {"best_validation", Selection::kBest},
    {"last", Selection::kLast},       {"top-k", Selection::kTopK},
    {"ensemble", Selection::kJoined}, {"hidden", Selection::kHidden}};

// Whether a node's score is that on hidden rows.
constexpr std::pair<std::string_view, bool> kFeedbacks[] = {
    {"own", false}, {"none", false}, {"validity", false}, {"leaderboard", false}, {"hidden", true}};

Result<SearchSettings> SettingsOf(const OptionReader& options) {
  SearchSettings out;
  PODIUM_ASSIGN(out.layers, ReadLayerPolicy(options));
  PODIUM_ASSIGN(out.selection, FindChoice(options, "search.selection", kSelections));
  PODIUM_ASSIGN(auto top_k, options.Int("search.top_k", 2, 100));
  out.top_k = static_cast<int>(top_k);
  PODIUM_ASSIGN(out.ensemble_share, options.Double("search.ensemble_share", 0, 0.9));
  PODIUM_ASSIGN(out.hidden_feedback, FindChoice(options, "search.feedback", kFeedbacks));
  out.place_feedback = options.Text("search.feedback") == "leaderboard";
  return out;
}

std::vector<std::string> RevealsOf(const SearchSettings& settings) {
  std::vector<std::string> out;
  if (settings.hidden_feedback) out.emplace_back("search.feedback: hidden");
  if (settings.place_feedback) out.emplace_back("search.feedback: leaderboard");
  if (settings.selection == Selection::kHidden) out.emplace_back("search.selection: hidden");
  return out;
}

constexpr std::pair<std::string_view, bool> kWorkerLimits[] = {{"shared", false}, {"each", true}};

Status TakeWorkers(const OptionReader& options, int preset, ConfiguredScaffold& out) {
  out.workers = preset;
  PODIUM_TRY(TakeInt(options, "search.workers", 1, 64, out.workers));
  PODIUM_ASSIGN(out.limits_each, FindChoice(options, "search.worker_limits", kWorkerLimits));
  return {};
}

// Of a scaffold that never has two nodes to work on.
constexpr int kOneLine = 0;

// `workers`: where the user says nothing.
template <class MakePolicy>
Result<ConfiguredScaffold> Searching(const OptionReader& options, int nodes, int workers,
                                     MakePolicy make_policy) {
  PODIUM_ASSIGN(SearchSettings settings, SettingsOf(options));
  ConfiguredScaffold out;
  out.nodes = nodes;
  out.reveals = RevealsOf(settings);
  out.hidden_split = settings.hidden_feedback || settings.selection == Selection::kHidden;
  out.leaderboard = settings.place_feedback;
  out.layers = settings.layers;
  if (workers != kOneLine) PODIUM_TRY(TakeWorkers(options, workers, out));
  out.make = [make_policy, settings](std::unique_ptr<Proposer> proposer) {
    return MakeSearch(make_policy(), std::move(proposer), settings);
  };
  return out;
}

struct GreedyPreset {
  GreedySettings search;
  PresetBudget budget;
};

// AIDE as MLE-bench configures it, and as its own repository does.
constexpr std::pair<std::string_view, GreedyPreset> kGreedyPresets[] = {
    {"podium", {{.drafts = 3, .debug_prob = 1, .max_debug_depth = 3}, {}}},
    {"aide-mlebench",
     {{.drafts = 5, .debug_prob = 1, .max_debug_depth = 20},
      {.nodes = 500, .exec = std::chrono::hours(9)}}},
    {"aide-upstream",
     {{.drafts = 5, .debug_prob = 0.5, .max_debug_depth = 3},
      {.nodes = 20, .exec = std::chrono::hours(1)}}},
};

Result<ConfiguredScaffold> ConfigureGreedy(const OptionReader& options) {
  PODIUM_ASSIGN(GreedyPreset preset, FindPreset<GreedyPreset>(options, kGreedyPresets));
  GreedySettings settings = preset.search;
  PODIUM_TRY(TakeInt(options, "search.drafts", 1, 1000, settings.drafts));
  PODIUM_TRY(TakeDouble(options, "search.debug_prob", 0, 1, settings.debug_prob));
  PODIUM_TRY(TakeInt(options, "search.max_debug_depth", 0, 1000, settings.max_debug_depth));
  PODIUM_ASSIGN(int nodes, NodesOf(options, preset.budget));
  auto make = [settings] { return MakeGreedyPolicy(settings); };
  PODIUM_ASSIGN(auto out, Searching(options, nodes, 1, make));
  out.exec = preset.budget.exec;
  return out;
}

Result<ConfiguredScaffold> ConfigureChain(const OptionReader& options) {
  int depth = 20;
  PODIUM_TRY(TakeInt(options, "search.max_debug_depth", 0, 1000, depth));
  PODIUM_ASSIGN(int nodes, NodesOf(options, {}));
  return Searching(options, nodes, kOneLine, [depth] { return MakeChainPolicy(depth); });
}

struct MctsPreset {
  MctsSettings search;
  PresetBudget budget;
  int workers = 1;
};

constexpr std::pair<std::string_view, MctsPreset> kMctsPresets[] = {
    {"aira", {{}, {}}},
    {"ml-master",
     {{.drafts = 5,
       .children = 3,
       .uct_c = 1.414,
       .decay = {.alpha = 0.01, .floor = 0.5, .begin = 0.3, .end = 0.7},
       .max_debug_depth = 20},
      {.nodes = 500, .exec = std::chrono::hours(9)},
      3}},
};

Result<ConfiguredScaffold> ConfigureMcts(const OptionReader& options) {
  PODIUM_ASSIGN(MctsPreset preset, FindPreset<MctsPreset>(options, kMctsPresets));
  MctsSettings settings = preset.search;
  int children = settings.children;
  PODIUM_TRY(TakeInt(options, "search.children", 1, 1000, children));
  if (options.Text("search.children") != kPresets) settings.drafts = settings.children = children;
  PODIUM_TRY(TakeInt(options, "search.drafts", 1, 1000, settings.drafts));
  PODIUM_TRY(TakeDouble(options, "search.uct_c", 0, 1000, settings.uct_c));
  PODIUM_TRY(TakeInt(options, "search.max_debug_depth", 0, 1000, settings.max_debug_depth));
  PODIUM_ASSIGN(int nodes, NodesOf(options, preset.budget));
  auto make = [settings] { return MakeMctsPolicy(settings); };
  PODIUM_ASSIGN(auto out, Searching(options, nodes, preset.workers, make));
  out.exec = preset.budget.exec;
  return out;
}

Result<ConfiguredScaffold> ConfigureEvolution(const OptionReader& options) {
  EvolutionSettings s;
  PODIUM_TRY(TakeInt(options, "search.per_generation", 1, 1000, s.per_generation));
  PODIUM_TRY(TakeInt(options, "search.generations", 1, 100'000, s.generations));
  PODIUM_TRY(TakeDouble(options, "search.crossover_prob", 0, 1, s.crossover_prob));
  PODIUM_TRY(TakeInt(options, "search.crossover_from", 1, 100'000, s.crossover_from));
  PODIUM_TRY(TakeInt(options, "search.max_debug_depth", 0, 1000, s.max_debug_depth));
  PODIUM_TRY(TakeInt(options, "search.islands", 1, 1000, s.islands));
  PODIUM_TRY(TakeInt(options, "search.island_size", 1, 100'000, s.island_size));
  PODIUM_TRY(TakeDouble(options, "search.migration_prob", 0, 1, s.migration_prob));
  PODIUM_ASSIGN(int nodes, NodesOf(options, {}));
  return Searching(options, nodes, 1, [s] { return MakeEvolutionPolicy(s); });
}

Result<ConfiguredScaffold> ConfigureSingleShot(const OptionReader& options) {
  PODIUM_ASSIGN(auto read, options.Int("search.best_of", 1, 100'000));
  int best_of = static_cast<int>(read);
  return Searching(options, best_of, 1, [best_of] { return MakeSingleShotPolicy(best_of); });
}

const OptionSpec kSelection = {
    "search.selection", "best",
    "what is handed in: best (of validation score), last (that counts), top-k (best, and the next "
    "are graded beside it), ensemble (of the best), hidden (best on rows kept for this)"};
const OptionSpec kTopK = {"search.top_k", "3", "how many of the best, of top-k and ensemble"};
const OptionSpec kEnsembleShare = {"search.ensemble_share", "0.1",
                                   "part of the trial's time that is kept for the ensemble"};
const OptionSpec kFeedback = {
    "search.feedback", "own",
    "what is told of a program's end: none, validity, own (its validation score too), leaderboard "
    "(and its place there), hidden (its score on rows whose labels it does not have); the last two "
    "are said in every verdict"};
const OptionSpec kWorkers = {"search.workers", std::string(kPresets),
                             "nodes worked on at the same time, each in a sandbox of its own (1; "
                             "ml-master 3); runc and crun alone"};
const OptionSpec kLimitsOfWorkers = {
    "search.worker_limits", "shared",
    "cores, memory and disk of workers: shared (the trial's, divided) or each (the trial's for "
    "each)"};
const OptionSpec kDebugDepth = {
    "search.max_debug_depth", std::string(kPresets),
    "debug steps in a row before one gives up (greedy 3, evolution 10, chain and mcts 20)"};
const OptionSpec kDrafts = {"search.drafts", std::string(kPresets),
                            "first solutions before anything else (greedy 3, mcts 5)"};
const OptionSpec kPreset = {
    "search.preset", "auto",
    "published settings: greedy: podium (auto), aide-mlebench, aide-upstream; mcts: aira (auto), "
    "ml-master"};

// What all have that may work on several nodes at once, behind their own.
const std::vector<OptionSpec> kCommon = {kSelection, kTopK,    kEnsembleShare,
                                         kFeedback,  kWorkers, kLimitsOfWorkers};

void AddCommon(ScaffoldInfo& info, const std::vector<OptionSpec>& common) {
  info.options.insert(info.options.end(), common.begin(), common.end());
  info.options.push_back(LayersOption());
}

}  // namespace

ScaffoldInfo GreedyScaffold() {
  ScaffoldInfo out = SearchInfo("greedy", "drafts, then debug what failed, then improve the best");
  out.options = {kPreset, kDrafts,
                 OptionSpec{"search.debug_prob", std::string(kPresets),
                            "probability of debugging a failed leaf first (1; aide-upstream 0.5)"},
                 kDebugDepth};
  out.also_usable.emplace_back("budget.nodes");
  AddCommon(out, kCommon);
  out.configure = ConfigureGreedy;
  return out;
}

ScaffoldInfo SingleShotScaffold() {
  ScaffoldInfo out = SearchInfo("single-shot", "one draft, run once, or the best of several");
  out.options = {{"search.best_of", "1", "drafts; the one of best validation score is handed in"}};
  AddCommon(out, kCommon);
  out.configure = ConfigureSingleShot;
  return out;
}

ScaffoldInfo ChainScaffold() {
  ScaffoldInfo out =
      SearchInfo("chain", "one line: draft, debug while it fails, improve what came last");
  out.options = {kDebugDepth};
  out.also_usable.emplace_back("budget.nodes");
  AddCommon(out, {kSelection, kTopK, kEnsembleShare, kFeedback});
  out.configure = ConfigureChain;
  return out;
}

ScaffoldInfo MctsScaffold() {
  ScaffoldInfo out = SearchInfo("mcts", "Monte Carlo tree search over programs (AIRA, ML-Master)");
  out.options = {kPreset, kDrafts,
                 OptionSpec{"search.children", std::string(kPresets),
                            "children of a node that is expanded (5; ml-master 3)"},
                 OptionSpec{"search.uct_c", std::string(kPresets),
                            "weight of exploration (0.25; ml-master 1.414, falling to 0.5)"},
                 kDebugDepth};
  out.also_usable.emplace_back("budget.nodes");
  AddCommon(out, kCommon);
  out.configure = ConfigureMcts;
  return out;
}

ScaffoldInfo EvolutionScaffold() {
  ScaffoldInfo out = SearchInfo("evolution", "a population with improvement and crossover (AIRA)");
  out.options = {{"search.per_generation", "5", "individuals of a generation on each island"},
                 {"search.generations", "100", "most generations; the drafts are generation 0"},
                 {"search.crossover_prob", "0.5", "probability of crossing two members"},
                 {"search.crossover_from", "2", "first generation that crosses"},
                 {"search.islands", "1", "populations apart from each other"},
                 {"search.island_size", "500", "most members of an island; the worst leave"},
                 {"search.migration_prob", "0",
                  "probability that an island's best goes to the next one after a generation"},
                 kDebugDepth};
  out.also_usable.emplace_back("budget.nodes");
  AddCommon(out, kCommon);
  out.configure = ConfigureEvolution;
  return out;
}

}  // namespace podium::agents
