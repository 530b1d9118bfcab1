#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>

#include "base/http/client.h"
#include "agents/models/provider_gate.h"
#include "base/async/reactor.h"
#include "harness/trial/observer.h"
#include "harness/plan/plan.h"
#include "harness/store/index.h"
#include "harness/store/run_folder.h"
#include "sandbox/images/image.h"
#include "sandbox/sandbox.h"
#include "tasks/prepare.h"

namespace podium::harness {

// What the trials of a run share. Lives as long as the run; used on the event loop's thread.
struct RunContext {
  Reactor& reactor;
  sandbox::Backend* backend = nullptr;  // nullptr when no trial needs a sandbox
  HttpClient& http;
  agents::ProviderGate& gate;
  RunFolder folder;
  std::string image_digest;
  std::vector<std::filesystem::path> image_layers;
  std::map<TaskId, tasks::PreparedTask> prepared;
  RunObserver& observer;
  const Clock& clock;
  Index* index = nullptr;  // nullptr where it could not be opened
  bool allow_unenforced = false;
  std::atomic<bool> draining{false};      // Ctrl-C once: end after the step in flight
  std::function<Task<void>()> wait_stop;  // ends at the second Ctrl-C
};

enum class TrialEnd {
  kDone,      // has its verdict
  kPaused,    // drained or stopped; goes on with the same command
  kFailed,    // infrastructure; the journal says what
  kElsewhere  // a living process holds its lease
};

// Brings one trial to its verdict, from whatever its folder holds: nothing, a journal cut anywhere,
// a sealed submission, a verdict. Phases: working (scaffold in a sandbox) -> sealed (submission
// taken) -> graded. An error means that not even the trial's folder could be used.
[[nodiscard]] Task<Result<TrialEnd>> RunTrial(RunContext& run, TrialPlan plan);

}  // namespace podium::harness
