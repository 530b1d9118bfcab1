#pragma once

#include <filesystem>
#include <string>

#include "base/async/stop_token.h"
#include "base/result.h"
#include "harness/plan/plan.h"
#include "harness/trial/observer.h"

namespace podium::harness {

struct RunSummary {
  std::filesystem::path dir;
  int done = 0;            // trials with a verdict, of this or an earlier call
  int fresh = 0;           // of those, graded by this call
  int paused = 0;          // never begun, or stopped before their end
  int held = 0;            // of those: somebody holds them back (`podium pause`, `podium cancel`)
  int failed = 0;          // infrastructure; the same command tries them again
  int exhausted = 0;       // the same, as often as it may: `podium retry`
  int elsewhere = 0;       // another living process works on them
  std::string spent = {};  // the ceiling of run.budget that keeps others from beginning
  std::string host = {};   // what keeps the host from running any trial, where that ended the run
};

// Prepares data, makes or continues the run's folder, works on every trial without a verdict,
// `jobs` at once within the machine's cores and memory, and writes the index and the reports.
// Ctrl-C once drains, twice stops, three times exits. `stop`: of somebody else who may stop it.
[[nodiscard]] Result<RunSummary> ExecuteRun(const RunPlan& plan, RunObserver& observer,
                                            StopSource* stop = nullptr);

// Prepares data and makes the run's folder, or grows it, and works on no trial: workers do.
[[nodiscard]] Status LayOutRun(const RunPlan& plan, RunObserver& observer);

}  // namespace podium::harness
