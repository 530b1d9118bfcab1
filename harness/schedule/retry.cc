#include "harness/schedule/retry.h"

#include <algorithm>

#include "harness/store/history.h"
#include "harness/store/journal.h"
#include "harness/store/lease.h"
#include "harness/store/run_folder.h"

namespace podium::harness {
namespace {

Status Allow(const RunView& run, const TrialView& trial, const std::string& why,
             HistoryWriter& history) {
  PODIUM_ASSIGN(auto lease, Lease::TryTake(trial.dir, SystemClock()));
  if (!lease)
    return Fail(ErrorCode::kBusy,
                trial.id.str() + " of run '" + run.name + "' is worked on by another process");
  Journal::Options options{.lease = lease->number(), .own_copy = lease->taken_over()};
  PODIUM_ASSIGN(auto journal, Journal::Open(trial.dir / "journal.jsonl", SystemClock(), options));
  HistoryLine line{
      .event = "retried", .trial = trial.id.str(), .lease = lease->number(), .why = why};
  PODIUM_TRY(history.Append({line}));
  return journal.Record(records::Retried{.why = why});
}

}  // namespace

Result<int> AllowRetries(const std::filesystem::path& run_dir,
                         const std::vector<std::string>& trials, records::Outcome only,
                         const std::string& why) {
  if (only != records::Outcome::kInfrastructureExhausted)
    return Fail(
        ErrorCode::kUsage,
        "only infrastructure_exhausted can be retried: " + std::string(records::OutcomeText(only)) +
            " is a result, and trying again until it is another would choose among "
            "results. More seeds are more trials: --seeds N.");
  PODIUM_ASSIGN(auto run, ReadRun(run_dir, SystemClock()));
  HistoryWriter history(run_dir, SystemClock());
  int out = 0;
  for (const auto& trial : run.trials) {
    bool named = trials.empty() || std::ranges::find(trials, trial.id.str()) != trials.end();
    if (!named || trial.outcome() != only) continue;
    PODIUM_TRY(Allow(run, trial, why, history));
    ++out;
  }
  return out;
}

}  // namespace podium::harness
