#pragma once

#include "base/records/run_plan.h"
#include "base/result.h"
#include "harness/plan/plan.h"

namespace podium::harness {

// The plan as plan.json holds it. Paths among the settings are absolute.
[[nodiscard]] records::RunPlan ToRecord(const RunPlan& plan);

// The plan again, on any machine that has what it names: tasks and agents' files with the digests
// of the record (else kDigest), the models' keys in the environment. Nothing else is asked of the
// command line, of configs/ or of the current folder.
enum class AgentFiles { kAsPlanned, kMayDiffer };
[[nodiscard]] Result<RunPlan> PlanFromRecord(const records::RunPlan& record,
                                             AgentFiles files = AgentFiles::kAsPlanned);

}  // namespace podium::harness
