#include "harness/report/noise.h"

#include <map>

#include "base/text.h"
#include "harness/report/summary.h"

namespace podium::harness {
namespace {

// Shares of a trial's working time from which on a wait may have changed its result.
constexpr double kCores = 0.5, kOthers = 0.1;
// Shorter waits are everybody's.
constexpr std::int64_t kLeastMs = 5000;

bool Reaches(const std::optional<Millis>& part, Millis whole, double share) {
  return part && part->count() >= kLeastMs && whole > Millis(0) &&
         static_cast<double>(part->count()) >= share * static_cast<double>(whole.count());
}

struct Medals {
  int hits = 0, n = 0;
  void Add(const TrialView& trial) {
    auto outcome = trial.outcome();
    if (outcome != records::Outcome::kScored && outcome != records::Outcome::kAgentFailed) return;
    ++n;
    hits += trial.verdict->grade.standing.medal != "none";
  }
};

}  // namespace

std::vector<std::string> NoiseOf(const TrialView& trial) {
  std::vector<std::string> out;
  if (!trial.verdict) return out;
  if (trial.verdict->attempts > 1) out.emplace_back("attempts");
  const auto& r = trial.verdict->resources;
  if (!r) return out;
  if (Reaches(r->cpu_pressure, r->worked, kCores)) out.emplace_back("cpu_pressure");
  if (Reaches(r->memory_pressure, r->worked, kOthers)) out.emplace_back("memory_pressure");
  if (Reaches(r->io_pressure, r->worked, kOthers)) out.emplace_back("io_pressure");
  if (Reaches(r->outage, r->worked, kOthers)) out.emplace_back("outage");
  return out;
}

std::string NoiseText(const RunView& run) {
  std::map<std::string, int> kinds;
  Medals with, without;
  int noisy = 0;
  for (const auto& trial : run.trials) {
    with.Add(trial);
    auto noise = NoiseOf(trial);
    if (noise.empty()) without.Add(trial);
    noisy += !noise.empty();
    for (const auto& kind : noise) ++kinds[kind];
  }
  if (noisy == 0) return "";
  std::vector<std::string> parts;
  for (const auto& [kind, n] : kinds) parts.push_back(kind + " " + std::to_string(n));
  return "Infra noise: " + std::to_string(noisy) + " of " + std::to_string(run.trials.size()) +
         " trials met it (" + Join(parts, ", ") +
         "). Any medal without them: " + MakeShare(without.hits, without.n).Text() +
         "; with them: " + MakeShare(with.hits, with.n).Text() + ".\n";
}

}  // namespace podium::harness
