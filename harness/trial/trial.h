#pragma once

#include <map>
#include <memory>
#include <optional>

#include "agents/models/provider_gate.h"
#include "base/async/reactor.h"
#include "base/async/stop_token.h"
#include "base/http/client.h"
#include "harness/grading/grader.h"
#include "harness/plan/plan.h"
#include "harness/store/history.h"
#include "harness/store/run_folder.h"
#include "harness/trial/failure_policy.h"
#include "harness/trial/machine_shares.h"
#include "harness/trial/observer.h"
#include "sandbox/images/image.h"
#include "sandbox/sandbox.h"
#include "tasks/hidden_split.h"
#include "tasks/prepare.h"

namespace podium::harness {

// What the trials of a run share. Lives as long as the run; used on the event loop's thread.
struct RunContext {
  Reactor& reactor;
  sandbox::Backend* backend = nullptr;  // nullptr when no trial needs a sandbox
  HttpClient& http;
  agents::ProviderGate& gate;
  Grader& grader;
  HistoryWriter& history;
  MachineShares& shares;
  RunFolder folder;
  std::string image_digest;
  std::vector<std::filesystem::path> image_layers;
  std::vector<std::pair<std::string, std::string>> image_env;  // what the image says of itself
  std::map<TaskId, tasks::PreparedTask> prepared;
  std::map<TaskId, tasks::HiddenSplit> hidden;  // of those whose agents are scored on one
  // By public folder, of those tasks whose agents look at their data first.
  std::map<std::filesystem::path, std::shared_ptr<const agents::DataPreview>> previews;
  // Public folders with another text in them, by whose they are.
  std::map<std::pair<TaskId, AgentId>, std::filesystem::path> instructed;
  std::map<std::filesystem::path, std::shared_ptr<const agents::Corpus>> corpora;  // by folder
  RunObserver& observer;
  const Clock& clock;
  bool allow_unenforced = false;
  RetryPolicy retries;
  RunCeilings ceilings;
  StopToken stop;  // draining: end after the step in flight; stopping: now
};

// What lies in the trial's /home/data.
[[nodiscard]] std::filesystem::path PublicDir(const RunContext& run, const TrialPlan& plan);

enum class TrialEnd {
  kDone,       // has its verdict
  kPaused,     // drained or stopped; goes on with the same command
  kFailed,     // infrastructure; the journal says what. It may be tried again
  kExhausted,  // the same, as often as it may be: `podium retry` alone allows more
  kHost,       // the host can run no trial at all; this one has used up no attempt
  kElsewhere   // a living process holds its lease
};

struct TrialResult {
  TrialEnd end = TrialEnd::kFailed;
  TrialView view;         // as its files say now; its id alone where another process holds it
  std::string host = {};  // kHost: what it lacks
};

// Brings one trial to its verdict, from whatever its folder holds: nothing, a journal cut anywhere,
// a sealed submission, a verdict. Phases: working (scaffold in a sandbox) -> sealed (submission
// taken) -> graded. `stop`: draining, it ends after the step in flight; stopping, now. An error
// means that not even the trial's folder could be used.
[[nodiscard]] Task<Result<TrialResult>> RunTrial(RunContext& run, TrialPlan plan, StopToken stop);

}  // namespace podium::harness
