#include "harness/schedule/run.h"

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
#include <list>
#include <thread>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "harness/schedule/lock.h"
#include "harness/schedule/machine.h"
#include "harness/store/index.h"
#include "harness/trial/trial.h"
#include "sandbox/backends/factory.h"
#include "sandbox/images/intact.h"
#include "sandbox/reaper/reaper.h"
#include "tasks/board_check.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
namespace asio = boost::asio;

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

constexpr std::size_t kIndexAtOnce = 500;

// Runs the plan's trials on the event loop.
class LocalExecutor {
 public:
  LocalExecutor(const RunPlan& plan, RunContext& context, Index* index)
      : plan_(plan),
        context_(context),
        changed_(context.reactor.io()),
        stop_(context.reactor.io()),
        tick_(context.reactor.io()),
        signals_(context.reactor.io(), SIGINT, SIGTERM, SIGHUP),
        index_(index) {
    changed_.expires_at(Deadline::Never().at());
    stop_.expires_at(Deadline::Never().at());
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
    std::list<const TrialPlan*> waiting = Unfinished(summary);
    while ((!waiting.empty() && !context_.draining) || running_ > 0) {
      if (!context_.draining) StartWhatFits(waiting, summary);
      if (running_ == 0) break;
      boost::system::error_code ec;
      changed_.expires_at(Deadline::Never().at());
      co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
    summary.paused += static_cast<int>(waiting.size());
    signals_.cancel();
    tick_.cancel();
    FlushIndex();
    co_return first_error_;
  }

 private:
  Task<void> WaitStop() {
    boost::system::error_code ec;
    if (!stopping_) co_await stop_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }

  void Tick() {
    tick_.expires_after(kTick);
    tick_.async_wait([this](boost::system::error_code ec) {
      if (ec) return;
      context_.observer.OnTick();
      FlushIndex();
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
  std::list<const TrialPlan*> Unfinished(RunSummary& summary) {
    std::list<const TrialPlan*> out;
    for (const auto& t : plan_.trials) {
      if (HasVerdict(context_.folder.TrialDir(t.id)))
        ++summary.done;
      else
        out.push_back(&t);
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

  void StartWhatFits(std::list<const TrialPlan*>& waiting, RunSummary& summary) {
    for (auto it = waiting.begin(); it != waiting.end() && running_ < plan_.jobs;) {
      if (!Fits(**it)) {
        ++it;
        continue;
      }
      Start(**it, summary);
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
    asio::co_spawn(context_.reactor.io(), WorkOn(trial, summary),
                   [this, &trial](std::exception_ptr) {
                     --running_;
                     if (trial.agent->needs_sandbox()) {
                       cores_used_ -= trial.limits.cpus;
                       memory_used_ -= trial.limits.memory_bytes;
                       gpus_used_.erase(std::ranges::find(gpus_used_, &trial.agent->gpus));
                     }
                     changed_.cancel();
                   });
  }

  // An exception is this trial's failure, and no other's.
  Task<void> WorkOn(const TrialPlan& trial, RunSummary& summary) {
    auto ended = co_await Caught<TrialResult>(RunTrial(context_, trial), "trial " + trial.id.str());
    Count(ended, summary);
    if (!ended) co_return LogError(trial.id.str() + ": " + ended.error().message);
    if (ended->end == TrialEnd::kElsewhere) co_return;
    context_.observer.OnTrialEnd(ended->view);
    unindexed_.push_back(std::move(ended->view));
    if (unindexed_.size() >= kIndexAtOnce) FlushIndex();
  }

  // The index is made from the files: what a crash keeps from it, `podium reindex` brings back.
  void FlushIndex() {
    if (index_ && !unindexed_.empty()) {
      auto put = index_->PutAll(unindexed_);
      if (!put) LogWarn(put.error().message + " (`podium reindex` makes it anew)");
    }
    unindexed_.clear();
  }

  void Count(const Result<TrialResult>& ended, RunSummary& summary) {
    if (!ended && first_error_) first_error_ = tl::unexpected(ended.error());
    if (!ended || ended->end == TrialEnd::kFailed) ++summary.failed;
    if (!ended) return;
    if (ended->end == TrialEnd::kElsewhere) ++summary.elsewhere;
    if (ended->end == TrialEnd::kPaused) ++summary.paused;
    if (ended->end != TrialEnd::kDone) return;
    ++summary.done;
    ++summary.fresh;
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
  Index* index_;                      // nullptr where it could not be opened
  std::vector<TrialView> unindexed_;  // trials that have ended
};

}  // namespace

Result<RunSummary> ExecuteRun(const RunPlan& plan, RunObserver& observer) {
  // What trials use outlives the loop, whose end destroys what is left of their coroutines.
  HttpClient http;
  agents::ProviderGate gate;
  Reactor reactor;
  auto grader = MakeSealedGrader(reactor);
  HistoryWriter history(plan.dir, SystemClock());
  RunContext context{.reactor = reactor,
                     .http = http,
                     .gate = gate,
                     .grader = *grader,
                     .history = history,
                     .folder = {plan.dir},
                     .observer = observer,
                     .clock = SystemClock()};
  context.allow_unenforced = plan.allow_unenforced;
  std::unique_ptr<sandbox::Backend> backend;
  if (std::ranges::any_of(plan.agents, [](const auto& a) { return a->needs_sandbox(); })) {
    PODIUM_ASSIGN(auto image, sandbox::FindImage(plan.image, CacheDir()));
    PODIUM_TRY(sandbox::CheckIntact(image));
    context.image_digest = image.digest;
    context.image_layers = image.layers;
    PODIUM_ASSIGN(backend, sandbox::MakeBackend(plan.backend, reactor));
    context.backend = backend.get();
  }
  PODIUM_ASSIGN(context.prepared, PrepareAll(plan, observer));
  PODIUM_TRY(OpenRunFolder(plan, context));
  auto index = Index::Open(context.folder.dir);
  if (!index) LogWarn(index.error().message + " (`podium reindex` makes it anew)");
  AddLogFile(context.folder.dir / "podium.log");
  if (context.backend) {
    PODIUM_ASSIGN(int reaped, sandbox::ReapDead(Deadline::In(kReapTime)));
    if (reaped > 0)
      observer.OnMessage("removed " + std::to_string(reaped) +
                         (reaped == 1 ? " sandbox" : " sandboxes") +
                         " that an interrupted run had left");
  }
  RunSummary summary;
  summary.dir = context.folder.dir;
  {
    LocalExecutor executor(plan, context, index ? &*index : nullptr);
    PODIUM_TRY(reactor.Run([&]() { return executor.Run(summary); }));
  }
  return summary;
}

}  // namespace podium::harness
