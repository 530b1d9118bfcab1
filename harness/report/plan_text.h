#pragma once

#include <string>

#include "harness/plan/plan.h"

namespace podium::harness {

// What a run will do, for a person who has not begun it: a line a trial, how many run at once and
// why, and what all of them may cost at most.
[[nodiscard]] std::string PlanText(const RunPlan& plan);

// The last part alone: money, tokens, GPU-hours, disk, a line each. What nothing bounds says which
// setting would.
[[nodiscard]] std::string CostText(const RunPlan& plan);

}  // namespace podium::harness
