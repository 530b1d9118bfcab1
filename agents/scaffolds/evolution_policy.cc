#include "agents/scaffolds/evolution_policy.h"

#include <algorithm>
#include <cmath>

#include "agents/scaffolds/candidate.h"

namespace podium::agents {
namespace {

// Told apart from the draws of steps.
constexpr std::uint64_t kMigration = 0x6D69677261746521ULL;

using Island = std::vector<std::size_t>;  // candidates, in the order in which they joined

// The islands as all candidates that have ended left them.
class Population {
 public:
  Population(const EvolutionSettings& settings, const std::vector<Candidate>& candidates,
             const SearchState& state)
      : settings_(settings),
        candidates_(candidates),
        state_(state),
        islands_(static_cast<std::size_t>(settings.islands)) {
    auto whole = static_cast<std::size_t>(settings.per_generation) * islands_.size();
    std::size_t settled = 0;
    for (std::size_t i : InOrderOfSettling(candidates)) {
      auto island = i % whole / static_cast<std::size_t>(settings.per_generation);
      if (candidates[i].good) Join(i, islands_[island], i / whole);
      if (++settled % whole == 0) Migrate(settled / whole);
    }
  }

  [[nodiscard]] const Island& island(std::size_t index) const { return islands_[index]; }

 private:
  static std::vector<std::size_t> InOrderOfSettling(const std::vector<Candidate>& candidates) {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (candidates[i].settled()) out.push_back(i);
    }
    std::ranges::sort(out, {}, [&](std::size_t i) { return candidates[i].last; });
    return out;
  }

  [[nodiscard]] bool IsBetter(std::size_t a, std::size_t b) const {
    return Better(candidates_[a].score, candidates_[b].score, state_.lower_is_better);
  }

  void Join(std::size_t candidate, Island& island, std::size_t generation) const {
    if (generation > 0 && !island.empty()) {
      double sum = 0;
      for (std::size_t member : island) sum += candidates_[member].score;
      double mean = sum / static_cast<double>(island.size());
      if (Better(mean, candidates_[candidate].score, state_.lower_is_better)) return;
    }
    Add(candidate, island);
  }

  void Add(std::size_t candidate, Island& island) const {
    island.push_back(candidate);
    if (island.size() <= static_cast<std::size_t>(settings_.island_size)) return;
    auto worst = island.begin();
    for (auto it = island.begin(); it != island.end(); ++it) {
      if (IsBetter(*worst, *it)) worst = it;
    }
    island.erase(worst);
  }

  // The bests are those before anyone moves.
  void Migrate(std::size_t generation) {
    if (settings_.islands < 2 || settings_.migration_prob == 0) return;
    std::vector<Island> before = islands_;
    for (std::size_t i = 0; i < before.size(); ++i) {
      Draws draws(state_.seed ^ kMigration, generation * before.size() + i);
      if (before[i].empty() || draws.Uniform() >= settings_.migration_prob) continue;
      std::size_t best = before[i].front();
      for (std::size_t member : before[i]) {
        if (IsBetter(member, best)) best = member;
      }
      Island& next = islands_[(i + 1) % before.size()];
      if (std::ranges::find(next, best) == next.end()) Add(best, next);
    }
  }

  const EvolutionSettings& settings_;
  const std::vector<Candidate>& candidates_;
  const SearchState& state_;
  std::vector<Island> islands_;
};

class EvolutionPolicy final : public Policy {
 public:
  explicit EvolutionPolicy(EvolutionSettings settings) : settings_(settings) {}

  std::optional<NextStep> Next(const SearchState& state) const override {
    if (state.begun() >= state.max_nodes) return std::nullopt;
    auto candidates = Candidates(state, settings_.max_debug_depth);
    if (auto debug = DebugOfOpen(candidates)) return debug;
    auto count = static_cast<int>(candidates.size());
    int whole = settings_.per_generation * settings_.islands;
    int generation = count / whole;
    if (generation >= settings_.generations) return std::nullopt;
    Population population(settings_, candidates, state);
    Island members =
        population.island(static_cast<std::size_t>(count % whole / settings_.per_generation));
    if (generation == 0 || members.empty()) return NextStep{};
    Draws draws(state.seed, state.number());
    bool may_cross = generation >= settings_.crossover_from && members.size() > 1;
    bool crosses = draws.Uniform() < settings_.crossover_prob && may_cross;
    ScoreScale scale(candidates, state.lower_is_better);
    int first = Take(members, candidates, scale, draws);
    if (!crosses) return NextStep{std::string(kImprove), {first}};
    return NextStep{std::string(kCrossover), {first, Take(members, candidates, scale, draws)}};
  }

  bool MayGrow(const SearchState& state, int node) const override {
    return IsNewestOfLiving(state, settings_.max_debug_depth, node);
  }

 private:
  // Draws a member by the softmax of its scaled score and takes it out; the member's node.
  static int Take(Island& members, const std::vector<Candidate>& candidates,
                  const ScoreScale& scale, Draws& draws) {
    std::vector<double> weights;
    double sum = 0;
    for (std::size_t member : members) {
      weights.push_back(std::exp(scale.Of(candidates[member].score)));
      sum += weights.back();
    }
    double left = draws.Uniform() * sum;
    std::size_t at = 0;
    while (at + 1 < weights.size() && left >= weights[at]) left -= weights[at++];
    int node = candidates[members[at]].last;
    members.erase(members.begin() + static_cast<std::ptrdiff_t>(at));
    return node;
  }

  EvolutionSettings settings_;
};

}  // namespace

std::unique_ptr<Policy> MakeEvolutionPolicy(EvolutionSettings settings) {
  return std::make_unique<EvolutionPolicy>(settings);
}

}  // namespace podium::agents
