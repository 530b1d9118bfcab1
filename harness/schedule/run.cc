#include "harness/schedule/run.h"

#include <algorithm>

#include "agents/operators/preview.h"
#include "base/deadlines.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "harness/plan/machine.h"
#include "harness/schedule/local_executor.h"
#include "harness/schedule/lock.h"
#include "harness/schedule/stop_signals.h"
#include "harness/store/control.h"
#include "harness/store/index.h"
#include "harness/trial/trial.h"
#include "sandbox/backends/factory.h"
#include "sandbox/images/intact.h"
#include "sandbox/reaper/reaper.h"
#include "tasks/board_check.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

Result<std::map<TaskId, tasks::PreparedTask>> PrepareAll(const RunPlan& plan,
                                                         RunObserver& observer) {
  std::map<TaskId, tasks::PreparedTask> out;
  for (const auto& task : plan.tasks) {
    PODIUM_TRY(CheckGrader(*task));
    auto progress = [&](std::string_view text) {
      observer.OnMessage(task->id.str() + ": " + std::string(text));
    };
    PODIUM_ASSIGN(auto prepared,
                  tasks::Prepare(*task, CacheDir(), progress, Deadline::In(kPrepareTime)));
    PODIUM_TRY(tasks::CheckBoard(*task, prepared.board_file));
    for (const auto& note : prepared.notes) observer.OnMessage(task->id.str() + ": " + note);
    out.emplace(task->id, std::move(prepared));
  }
  return out;
}

// Of the tasks that have an agent which goes by hidden rows.
Result<std::map<TaskId, tasks::HiddenSplit>> SplitAll(
    const RunPlan& plan, const std::map<TaskId, tasks::PreparedTask>& prepared) {
  std::map<TaskId, tasks::HiddenSplit> out;
  for (const auto& trial : plan.trials) {
    if (!trial.agent->configured.hidden_split || out.contains(trial.id.task)) continue;
    PODIUM_ASSIGN(auto split, tasks::PrepareHiddenSplit(*trial.task, prepared.at(trial.id.task),
                                                        Deadline::In(kPrepareTime)));
    out.emplace(trial.id.task, std::move(split));
  }
  return out;
}

// Where an agent is given another text than the task's own.
Status AddInstructions(const RunPlan& plan, RunContext& context) {
  for (const auto& trial : plan.trials) {
    std::pair key(trial.id.task, trial.id.agent);
    if (!trial.instruction || context.instructed.contains(key)) continue;
    PODIUM_ASSIGN(
        context.instructed[key],
        tasks::PublicWith(PublicDir(context, trial), trial.instruction->description, CacheDir()));
  }
  return {};
}

// Once a task, not once a trial.
Status AddPreviews(const RunPlan& plan, RunContext& context) {
  for (const auto& trial : plan.trials) {
    const AgentPlan& agent = *trial.agent;
    if (!agent.scaffold->takes_proposer && !agent.scaffold->asks_model) continue;
    fs::path dir = PublicDir(context, trial);
    if (context.previews.contains(dir)) continue;
    PODIUM_ASSIGN(auto preview, agents::MakePreview(dir));
    context.previews[dir] = std::make_shared<const agents::DataPreview>(std::move(preview));
  }
  return {};
}

Status OpenCorpora(const RunPlan& plan, RunContext& context) {
  for (const auto& agent : plan.agents) {
    const auto& folder = agent->knowledge.corpus;
    if (!agent->knowledge.digest || context.corpora.contains(folder)) continue;
    context.observer.OnMessage("reading " + folder.string());
    PODIUM_ASSIGN(context.corpora[folder],
                  agents::Corpus::Open(folder, CacheDir(), Deadline::In(kPrepareTime)));
  }
  return {};
}

bool NeedsSandbox(const RunPlan& plan) {
  return std::ranges::any_of(plan.agents, [](const auto& a) { return a->needs_sandbox(); });
}

// What a run that needs none of the machine does not ask for.
std::unique_ptr<HostShares> SharesOfHost(const RunPlan& plan) {
  if (!NeedsSandbox(plan)) return nullptr;
  auto shares = HostShares::Open(HostShares::DefaultDir());
  if (shares) return std::make_unique<HostShares>(std::move(*shares));
  LogWarn("what others hold of this host is not known: " + shares.error().message);
  return nullptr;
}

// What the trials of a run share, and what it is made of before the first: image, data, texts.
class World {
 public:
  World(const RunPlan& plan, RunObserver& observer, int at_once, std::unique_ptr<HostShares> host,
        StopToken stop)
      : plan_(plan),
        gate_(at_once, HostShares::DefaultDir() / "providers"),
        grader_(MakeSealedGrader(reactor_)),
        history_(plan.dir, SystemClock()),
        shares_(ThisMachine(), std::move(host)),
        context_{.reactor = reactor_,
                 .http = http_,
                 .gate = gate_,
                 .grader = *grader_,
                 .history = history_,
                 .shares = shares_,
                 .folder = {plan.dir},
                 .observer = observer,
                 .clock = SystemClock(),
                 .stop = std::move(stop)} {}

  [[nodiscard]] Status Fill() {
    PODIUM_ASSIGN(context_.retries, RetriesOf(plan_));
    PODIUM_ASSIGN(context_.ceilings, CeilingsOf(plan_));
    context_.allow_unenforced = plan_.allow_unenforced;
    if (NeedsSandbox(plan_)) PODIUM_TRY(OpenBackend());
    PODIUM_ASSIGN(context_.prepared, PrepareAll(plan_, context_.observer));
    PODIUM_ASSIGN(context_.hidden, SplitAll(plan_, context_.prepared));
    PODIUM_TRY(AddInstructions(plan_, context_));
    PODIUM_TRY(AddPreviews(plan_, context_));
    PODIUM_TRY(OpenCorpora(plan_, context_));
    return OpenRunFolder(plan_, context_);
  }

  [[nodiscard]] RunContext& context() { return context_; }

 private:
  Status OpenBackend() {
    PODIUM_ASSIGN(auto image, sandbox::FindImage(plan_.image, CacheDir()));
    PODIUM_TRY(sandbox::CheckIntact(image));
    context_.image_digest = image.digest;
    context_.image_layers = image.layers;
    context_.image_env = sandbox::EnvironmentOf(image);
    PODIUM_ASSIGN(backend_, sandbox::MakeBackend(plan_.backend, reactor_));
    context_.backend = backend_.get();
    return {};
  }

  const RunPlan& plan_;
  // What trials use outlives the loop, whose end destroys what is left of their coroutines.
  HttpClient http_;
  agents::ProviderGate gate_;
  Reactor reactor_;
  std::unique_ptr<Grader> grader_;
  HistoryWriter history_;
  MachineShares shares_;
  RunContext context_;
  std::unique_ptr<sandbox::Backend> backend_;
};

}  // namespace

Result<RunSummary> ExecuteRun(const RunPlan& plan, RunObserver& observer, StopSource* stopped) {
  PODIUM_ASSIGN(int at_once, ModelsAtOnce(plan));
  StopSource own;
  StopSource& stop = stopped ? *stopped : own;
  World world(plan, observer, at_once, SharesOfHost(plan), stop.token());
  PODIUM_TRY(world.Fill());
  RunContext& context = world.context();
  auto index = Index::Open(context.folder.dir);
  if (!index) LogWarn(index.error().message + " (`podium reindex` makes it anew)");
  AddLogFile(context.folder.dir / "podium.log");
  PODIUM_ASSIGN(auto sign, WorkerSign::Put(context.folder.dir));
  if (context.backend) {
    PODIUM_ASSIGN(int reaped, sandbox::ReapDead(Deadline::In(kReapTime)));
    if (reaped > 0)
      observer.OnMessage("removed " + std::to_string(reaped) +
                         (reaped == 1 ? " sandbox" : " sandboxes") +
                         " that an interrupted run had left");
  }
  RunSummary summary;
  summary.dir = context.folder.dir;
  PODIUM_TRY(context.reactor.Run([&]() -> Task<Status> {
    StopSignals signals(context.reactor, stop, observer);
    co_return co_await RunTrials(plan, context, index ? &*index : nullptr, summary);
  }));
  return summary;
}

Status LayOutRun(const RunPlan& plan, RunObserver& observer) {
  PODIUM_ASSIGN(int at_once, ModelsAtOnce(plan));
  World world(plan, observer, at_once, nullptr, {});
  return world.Fill();
}

}  // namespace podium::harness
