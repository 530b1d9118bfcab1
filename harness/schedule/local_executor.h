#pragma once

#include "base/async/reactor.h"
#include "base/result.h"
#include "harness/plan/plan.h"
#include "harness/schedule/run.h"
#include "harness/store/index.h"
#include "harness/trial/trial.h"

namespace podium::harness {

// Works on every trial of the plan that has no verdict, in the plan's order as far as they fit:
// `plan.jobs` at once, and no more cores, memory and GPUs than the machine has (context.shares).
// Those who wait for models in between take their part for each program alone. Ends once all have
// ended, or once those that run have ended after `context.stop` drains. A trial that fails is
// counted and keeps no other from running. `index`: nullptr where there is none; it is written
// every second. An error: a trial asks for more than the machine has, or its folder could not be
// used.
[[nodiscard]] Task<Status> RunTrials(const RunPlan& plan, RunContext& context, Index* index,
                                     RunSummary& summary);

}  // namespace podium::harness
