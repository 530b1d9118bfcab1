#pragma once

#include "base/result.h"
#include "harness/plan/plan.h"
#include "harness/trial/trial.h"

namespace podium::harness {

// Makes the run's folder with run.yaml, lock.json and boards/, or checks that the run which is
// there can hold this plan too: a run grows by agents, tasks and seeds, and refuses what would make
// its results incomparable. A refused plan changes nothing. An error names the difference
// (kConfig), or what lies in the folder that Podium did not put there. Blocks.
[[nodiscard]] Status OpenRunFolder(const RunPlan& plan, const RunContext& context);

// The plan of a run, from its folder alone (plan.json): what its commands decided together. Blocks.
[[nodiscard]] Result<RunPlan> ReadPlan(const std::filesystem::path& run_dir);

}  // namespace podium::harness
