#include "harness/report/outcomes.h"

#include "base/text.h"

namespace podium::harness {
namespace {

std::string Percent(int hits, int n) { return FormatScore(n == 0 ? 0 : 100.0 * hits / n, 0); }

}  // namespace

void OutcomeCounts::Add(const TrialView& trial) {
  ++planned;
  auto outcome = trial.outcome();
  if (!outcome) return;
  switch (*outcome) {
    case records::Outcome::kScored:
      ++scored;
      return;
    case records::Outcome::kAgentFailed:
      ++agent_failed;
      return;
    case records::Outcome::kTaskFailed:
      ++task_failed;
      return;
    case records::Outcome::kInfrastructureExhausted:
      ++infrastructure_exhausted;
  }
}

std::string OutcomeCounts::Text() const {
  std::string out = std::to_string(planned) + " planned: " + std::to_string(scored) + " scored, " +
                    std::to_string(agent_failed) + " agent_failed, " + std::to_string(task_failed) +
                    " task_failed, " + std::to_string(infrastructure_exhausted) +
                    " infrastructure_exhausted";
  if (open() > 0) out += ", " + std::to_string(open()) + " without an outcome yet";
  return out + "; coverage " + std::to_string(covered()) + "/" + std::to_string(planned) + " (" +
         Percent(covered(), planned) + " %)";
}

OutcomeCounts CountOutcomes(const RunView& run) {
  OutcomeCounts out;
  for (const auto& trial : run.trials) out.Add(trial);
  return out;
}

std::string BoundsText(const OutcomeCounts& counts, int hits) {
  if (counts.full()) return "";
  int missing = counts.planned - counts.covered();
  return "; " + std::to_string(missing) + " of " + std::to_string(counts.planned) +
         " missing: " + Percent(hits, counts.planned) + " to " +
         Percent(hits + missing, counts.planned) + " %";
}

}  // namespace podium::harness
