#include "harness/engine/run.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <fstream>
#include <thread>

#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "harness/engine/trial.h"
#include "harness/store/index.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
namespace asio = boost::asio;

std::uint64_t TotalMemory() {
  auto pages = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Result<std::map<TaskId, tasks::PreparedTask>> PrepareAll(const RunPlan& plan,
                                                         RunObserver& observer) {
  std::map<TaskId, tasks::PreparedTask> out;
  for (const auto& task : plan.tasks) {
    auto progress = [&](std::string_view text) {
      observer.OnMessage(task->id.str() + ": " + std::string(text));
    };
    PODIUM_ASSIGN(auto prepared, tasks::Prepare(*task, CacheDir(), progress,
                                                Deadline::In(std::chrono::minutes(30))));
    for (const auto& note : prepared.notes) observer.OnMessage(task->id.str() + ": " + note);
    out.emplace(task->id, std::move(prepared));
  }
  return out;
}

// What a model was and what its tokens cost; where it is served may change.
Json ModelLock(const agents::Model& model) {
  return {{"upstream_name", model.upstream_name},
          {"input_usd", model.prices.input.Text()},
          {"cached_input_usd", model.prices.cached_input.Text()},
          {"cache_write_usd", model.prices.cache_write.Text()},
          {"output_usd", model.prices.output.Text()}};
}

// What may not change while a run goes on; `trials` is what ReadRun lists.
Json MakeLock(const RunPlan& plan, const RunContext& context) {
  Json lock = {{"schema", "podium-lock/1"},
               {"podium", PODIUM_VERSION},
               {"name", plan.name},
               {"config", PlanYaml(plan, false)}};
  lock["image"] = {{"name", plan.image}, {"digest", context.image_digest}};
  lock["sandbox"] = plan.backend;
  for (const auto& [id, prepared] : context.prepared)
    lock["tasks"][id.str()] = prepared.task_digest.hex();
  for (const auto& agent : plan.agents) {
    Json settings = Json::object();
    for (const auto& [name, setting] : agent->settings.all()) {
      if (!ChoosesTrials(name)) settings[name] = setting.value;
    }
    lock["agents"][agent->id.str()] = {
        {"scaffold", agent->scaffold}, {"proposer", agent->proposer}, {"settings", settings}};
    for (const auto& model : agent->gateway.models)
      lock["agents"][agent->id.str()]["models"][model.id] = ModelLock(model);
  }
  lock["trials"] = Json::array();
  for (const auto& t : plan.trials) {
    lock["trials"].push_back(
        {{"task", t.id.task.str()}, {"agent", t.id.agent.str()}, {"seed", t.id.seed}});
  }
  utsname host{};
  ::uname(&host);
  lock["host"] = {{"kernel", host.release},
                  {"machine", host.machine},
                  {"cores", std::thread::hardware_concurrency()},
                  {"memory_bytes", TotalMemory()}};
  return lock;
}

// What both locks speak of and say differently: results of such runs could not stand in one table.
std::string Differences(const Json& before, const Json& now) {
  std::string out;
  auto compare = [&](const std::string& what, const Json& a, const Json& b) {
    if (a != b) out += "\n  " + what + ": " + DumpJson(Json::diff(a, b)).substr(0, 400);
  };
  for (const char* key : {"image", "sandbox"})
    compare(key, before.value(key, Json()), now.value(key, Json()));
  for (const char* key : {"tasks", "agents"}) {
    Json old = before.value(key, Json::object()), fresh = now.value(key, Json::object());
    for (const auto& [id, value] : fresh.items()) {
      if (old.contains(id)) compare(std::string(key) + " " + id, old[id], value);
    }
  }
  return out;
}

// The run with everything that either lock names: a run grows by agents, tasks and seeds.
Json Union(const Json& before, Json now) {
  for (const char* key : {"tasks", "agents"}) {
    Json old = before.value(key, Json::object());
    for (const auto& [id, value] : old.items()) now[key].emplace(id, value);
  }
  Json trials = before.value("trials", Json::array());
  for (const auto& trial : now["trials"]) {
    if (std::ranges::find(trials, trial) == trials.end()) trials.push_back(trial);
  }
  now["trials"] = std::move(trials);
  return now;
}

// Two processes may grow one run at once; each reads and writes lock.json alone.
Result<FileLock> LockFolder(const fs::path& dir) {
  for (Deadline deadline = Deadline::In(std::chrono::seconds(30)); !deadline.expired();) {
    PODIUM_ASSIGN(auto lock, FileLock::TryTake(dir / ".lock"));
    if (lock) return std::move(*lock);
    std::this_thread::sleep_for(Millis(20));
  }
  return Fail(ErrorCode::kTimeout, "another process holds " + (dir / ".lock").string());
}

// Writes run.yaml and lock.json, or checks that the run in the folder can hold this plan too.
Status OpenFolder(const RunPlan& plan, const RunContext& context) {
  const fs::path& dir = context.folder.dir;
  PODIUM_TRY(MakeDirs(dir));
  PODIUM_TRY(MakeDirs(context.folder.SandboxState()));
  PODIUM_TRY(MakeDirs(dir / "boards"));
  for (const auto& [id, prepared] : context.prepared) {
    if (prepared.board_file.empty()) continue;  // a task with medal lines alone
    PODIUM_ASSIGN(auto board, ReadFile(prepared.board_file, 64 << 20));
    PODIUM_TRY(WriteFileAtomic(dir / "boards" / (id.str() + ".csv"), board));
  }
  Json lock = MakeLock(plan, context);
  PODIUM_ASSIGN(auto alone, LockFolder(dir));
  std::error_code ec;
  if (fs::exists(dir / "lock.json", ec)) {
    PODIUM_ASSIGN(auto text, ReadFile(dir / "lock.json"));
    PODIUM_ASSIGN(Json before, ParseJson(text, (dir / "lock.json").string()));
    std::string differences = Differences(before, lock);
    if (!differences.empty()) {
      return Fail(ErrorCode::kConfig,
                  "run '" + plan.name + "' exists in " + dir.string() +
                      " with another configuration; its results would not be comparable:" +
                      differences + "\nGive another --name, or remove that folder.");
    }
    Json both = Union(before, lock);
    if (both["trials"] == before.value("trials", Json::array())) return {};
    lock = std::move(both);
  }
  PODIUM_TRY(WriteFileAtomic(dir / "run.yaml", PlanYaml(plan, true)));
  return WriteFileAtomic(dir / "lock.json", DumpJson(lock, 2) + "\n");
}

// Runs the plan's trials on the event loop.
class LocalExecutor {
 public:
  LocalExecutor(const RunPlan& plan, RunContext& context)
      : plan_(plan),
        context_(context),
        changed_(context.reactor.io()),
        stop_(context.reactor.io()),
        tick_(context.reactor.io()),
        signals_(context.reactor.io(), SIGINT, SIGTERM) {
    changed_.expires_at(std::chrono::steady_clock::time_point::max());
    stop_.expires_at(std::chrono::steady_clock::time_point::max());
    cores_ = std::max(1u, std::thread::hardware_concurrency());
    memory_ = TotalMemory();
  }

  Task<Status> Run(RunSummary& summary) {
    context_.wait_stop = [this]() { return WaitStop(); };
    WatchSignals();
    Tick();
    auto fit = CheckFits();
    if (!fit) {
      signals_.cancel();
      tick_.cancel();
      co_return fit;
    }
    std::vector<TrialPlan> waiting = Unfinished(summary);
    while ((!waiting.empty() && !context_.draining) || running_ > 0) {
      if (!context_.draining) StartWhatFits(waiting, summary);
      if (running_ == 0) break;
      boost::system::error_code ec;
      changed_.expires_at(std::chrono::steady_clock::time_point::max());
      co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
    summary.paused += static_cast<int>(waiting.size());
    signals_.cancel();
    tick_.cancel();
    co_return first_error_;
  }

 private:
  Task<void> WaitStop() {
    boost::system::error_code ec;
    if (!stopping_) co_await stop_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }

  void Tick() {
    tick_.expires_after(std::chrono::seconds(1));
    tick_.async_wait([this](boost::system::error_code ec) {
      if (ec) return;
      context_.observer.OnTick();
      Tick();
    });
  }

  void WatchSignals() {
    signals_.async_wait([this](boost::system::error_code ec, int) {
      if (ec) return;
      if (!context_.draining) {
        context_.draining = true;
        context_.observer.OnMessage(
            "stopping after the steps in flight; press Ctrl-C again to stop now (nothing finished "
            "is lost)");
      } else if (!stopping_) {
        stopping_ = true;
        stop_.cancel();
        context_.observer.OnMessage("stopping now");
      } else {
        std::signal(SIGINT, SIG_DFL);
        std::raise(SIGINT);
      }
      changed_.cancel();
      WatchSignals();
    });
  }

  // The last finished trials come first, in the observer's eyes too: a continued run shows what is
  // there already.
  std::vector<TrialPlan> Unfinished(RunSummary& summary) {
    std::vector<TrialPlan> out;
    for (const auto& t : plan_.trials) {
      TrialView view = ReadTrial(context_.folder.TrialDir(t.id), t.id, context_.clock);
      if (view.state == "done") {
        ++summary.done;
      } else {
        out.push_back(t);
      }
    }
    if (summary.done > 0)
      context_.observer.OnMessage(std::to_string(summary.done) + " of " +
                                  std::to_string(plan_.trials.size()) +
                                  " trials have their verdict already");
    return out;
  }

  Status CheckFits() const {
    for (const auto& t : plan_.trials) {
      if (!t.agent->needs_sandbox()) continue;
      if (t.limits.cpus > cores_ || t.limits.memory_bytes > memory_) {
        return Fail(ErrorCode::kConfig,
                    "trial " + t.id.str() + " asks for " + FormatDouble(t.limits.cpus) +
                        " cores and " + FormatBytes(t.limits.memory_bytes) + "; this machine has " +
                        FormatDouble(cores_) + " and " + FormatBytes(memory_) +
                        ". Lower limits.cpus or limits.memory.");
      }
    }
    return {};
  }

  bool Fits(const TrialPlan& t) const {
    if (running_ >= plan_.jobs) return false;
    if (!t.agent->needs_sandbox()) return true;
    bool gpus_free = std::ranges::none_of(gpus_used_, [&](const sandbox::GpuDevices* used) {
      return sandbox::ShareGpu(*used, t.agent->gpus);
    });
    return gpus_free && cores_used_ + t.limits.cpus <= cores_ + 1e-9 &&
           memory_used_ + t.limits.memory_bytes <= memory_;
  }

  void StartWhatFits(std::vector<TrialPlan>& waiting, RunSummary& summary) {
    for (auto it = waiting.begin(); it != waiting.end();) {
      if (!Fits(*it)) {
        ++it;
        continue;
      }
      Start(*it, summary);
      it = waiting.erase(it);
    }
  }

  void Start(const TrialPlan& trial, RunSummary& summary) {
    ++running_;
    if (trial.agent->needs_sandbox()) {
      cores_used_ += trial.limits.cpus;
      memory_used_ += trial.limits.memory_bytes;
      gpus_used_.push_back(&trial.agent->gpus);
    }
    // Joined by Run, which waits until running_ is 0.
    asio::co_spawn(context_.reactor.io(), RunTrial(context_, trial),
                   [this, trial, &summary](std::exception_ptr e, Result<TrialEnd> end) {
                     --running_;
                     if (trial.agent->needs_sandbox()) {
                       cores_used_ -= trial.limits.cpus;
                       memory_used_ -= trial.limits.memory_bytes;
                       gpus_used_.erase(std::ranges::find(gpus_used_, &trial.agent->gpus));
                     }
                     changed_.cancel();
                     if (e) std::rethrow_exception(e);
                     Count(trial, end, summary);
                   });
  }

  void Count(const TrialPlan& trial, const Result<TrialEnd>& end, RunSummary& summary) {
    if (!end) {
      if (first_error_) first_error_ = tl::unexpected(end.error());
      ++summary.failed;
      return;
    }
    if (*end == TrialEnd::kElsewhere) {
      ++summary.elsewhere;
      return;
    }
    if (*end == TrialEnd::kDone) {
      ++summary.done;
      ++summary.fresh;
    }
    if (*end == TrialEnd::kPaused) ++summary.paused;
    if (*end == TrialEnd::kFailed) ++summary.failed;
    TrialView view = ReadTrial(context_.folder.TrialDir(trial.id), trial.id, context_.clock);
    if (auto indexed = IndexTrial(context_.folder.dir, view); !indexed)
      LogWarn(indexed.error().message + " (`podium reindex` makes it anew)");
    context_.observer.OnTrialEnd(view);
  }

  const RunPlan& plan_;
  RunContext& context_;
  asio::steady_timer changed_;
  asio::steady_timer stop_;
  asio::steady_timer tick_;
  asio::signal_set signals_;
  bool stopping_ = false;
  int running_ = 0;
  double cores_ = 1;
  double cores_used_ = 0;
  std::uint64_t memory_ = 0;
  std::uint64_t memory_used_ = 0;
  std::vector<const sandbox::GpuDevices*> gpus_used_;  // of the trials that run
  Status first_error_;
};

}  // namespace

Result<RunSummary> ExecuteRun(const RunPlan& plan, RunObserver& observer) {
  Reactor reactor;
  agents::HttpClient http;
  agents::ProviderGate gate;
  RunContext context{.reactor = reactor,
                     .http = http,
                     .gate = gate,
                     .folder = {RunsDir() / plan.name},
                     .observer = observer,
                     .clock = SystemClock()};
  context.allow_unenforced = plan.allow_unenforced;
  std::unique_ptr<sandbox::Backend> backend;
  if (std::ranges::any_of(plan.agents, [](const auto& a) { return a->needs_sandbox(); })) {
    PODIUM_ASSIGN(auto image, sandbox::FindImage(plan.image, CacheDir()));
    context.image_digest = image.digest;
    context.image_layers = image.layers;
    PODIUM_ASSIGN(backend, sandbox::MakeBackend(plan.backend, reactor));
    context.backend = backend.get();
  }
  PODIUM_ASSIGN(context.prepared, PrepareAll(plan, observer));
  PODIUM_TRY(OpenFolder(plan, context));
  AddLogFile(context.folder.dir / "podium.log");
  if (context.backend) {
    PODIUM_ASSIGN(int reaped, sandbox::ReapDead(Deadline::In(std::chrono::minutes(2))));
    if (reaped > 0)
      observer.OnMessage("removed " + std::to_string(reaped) +
                         (reaped == 1 ? " sandbox" : " sandboxes") +
                         " that an interrupted run had left");
  }
  RunSummary summary;
  summary.dir = context.folder.dir;
  {
    LocalExecutor executor(plan, context);
    PODIUM_TRY(reactor.Run([&]() { return executor.Run(summary); }));
  }
  return summary;
}

}  // namespace podium::harness
