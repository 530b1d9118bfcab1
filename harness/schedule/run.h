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
  int done = 0;   // trials with a verdict, of this or an earlier call
  int fresh = 0;  // of those, graded by this call
  int paused = 0;
  int failed = 0;     // infrastructure
  int elsewhere = 0;  // another living process works on them
};

// Prepares data, makes or continues the run's folder, works on every trial without a verdict,
// `jobs` at once within the machine's cores and memory, and writes the index and the reports.
// Ctrl-C once drains, twice stops, three times exits. `stop`: of somebody else who may stop it.
[[nodiscard]] Result<RunSummary> ExecuteRun(const RunPlan& plan, RunObserver& observer,
                                            StopSource* stop = nullptr);

}  // namespace podium::harness
