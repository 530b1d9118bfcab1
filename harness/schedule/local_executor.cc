#include "harness/schedule/local_executor.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/async/alarm.h"
#include "base/async/race.h"
#include "base/deadlines.h"
#include "base/log.h"
#include "base/text.h"
#include "harness/schedule/notify.h"
#include "harness/schedule/queue.h"
#include "harness/schedule/run_budget.h"
#include "harness/store/control.h"
#include "sandbox/host/host_paths.h"

namespace podium::harness {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kIndexAtOnce = 500;

// What must have room for a trial to run.
std::vector<std::filesystem::path> FoldersOf(const std::filesystem::path& run_dir) {
  return {run_dir, sandbox::HostDir()};
}

// Runs the plan's trials on the event loop.
class LocalExecutor {
 public:
  LocalExecutor(const RunPlan& plan, RunContext& context, Index* index, RunSummary& summary)
      : plan_(plan),
        context_(context),
        summary_(summary),
        budget_(context.ceilings, context.folder.dir, context.clock),
        jobs_(plan.jobs),
        changed_(context.reactor.io(), Deadline::Never().at()),
        index_(index) {}

  Task<Status> Run() {
    PODIUM_CO_TRY(CheckFits());
    PODIUM_CO_TRY(Begin());
    Tick();
    context_.shares.OnFree([this] { changed_.cancel(); });
    // The work never ends before what it began.
    auto ended = co_await Race(Work(), FollowStop(), FollowControl());
    context_.shares.OnFree(nullptr);
    tick_.reset();
    FlushIndex();
    if (ended.index() != 0)
      co_return Fail(ErrorCode::kInternal, "the watch over a run ended before it");
    CountWaiting();
    co_return first_error_;
  }

 private:
  // What was asked of the run before this process came holds, but for an end of those that were
  // there then.
  Status Begin() {
    PODIUM_ASSIGN(control_, ReadControl(context_.folder.dir));
    drained_before_ = control_.drained;
    jobs_ = static_cast<int>(control_.jobs.value_or(plan_.jobs));
    queue_.emplace(Unfinished(), control_);
    if (budget_.any()) PODIUM_TRY(budget_.Begin(plan_));
    if (auto trouble = HostTrouble(FoldersOf(context_.folder.dir)); !trouble.empty()) Halt(trouble);
    return {};
  }

  Task<void> Work() {
    for (;;) {
      if (!draining()) StartWhatFits();
      if (running_.empty() && IsOver()) co_return;
      changed_.expires_at(draining() ? Deadline::Never().at() : queue_->NextMoment());
      boost::system::error_code ec;
      co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
  }

  // What stops the run stops each trial.
  Task<void> FollowStop() {
    for (StopLevel level : {StopLevel::kDraining, StopLevel::kStopping}) {
      co_await context_.stop.Reached(level);
      for (auto& [trial, stop] : running_) stop->Raise(level);
      changed_.cancel();
    }
    co_await SleepUntil(Deadline::Never());
  }

  // Never ends by itself. What is in work of it when the run ends holds nothing of the executor's.
  Task<void> FollowControl() {
    for (;;) {
      Deadline next = Deadline::In(kTick);
      co_await SleepUntil(next);
      auto look = [dir = context_.folder.dir] {
        return std::pair(ReadControl(dir), HostTrouble(FoldersOf(dir)));
      };
      auto [control, trouble] = co_await context_.reactor.Blocking(std::move(look));
      if (!control) LogWarn(control.error().message);
      if (!trouble.empty()) Halt(trouble);
      if (control && control->number != control_.number) Take(std::move(*control));
    }
  }

  // Somebody asked for something.
  void Take(RunControl control) {
    if (control.run != control_.run)
      Say(control.run == records::Hold::kNone ? "going on"
                                              : "the run is " + std::string(HoldText(control.run)));
    if (control.jobs != control_.jobs)
      Say("trials at once: " + std::to_string(control.jobs.value_or(plan_.jobs)));
    if (control.drained > drained_before_ && control_.drained <= drained_before_)
      Say("draining: the steps in flight end, nothing begins");
    control_ = std::move(control);
    paused_live_ = control_.run == records::Hold::kPaused;
    jobs_ = static_cast<int>(control_.jobs.value_or(plan_.jobs));
    queue_->Follow(control_);
    for (auto& [trial, stop] : running_) {
      records::Hold hold = control_.Of(trial);
      if (hold == records::Hold::kCancelled) stop->Raise(StopLevel::kStopping);
      if (hold == records::Hold::kPaused || draining()) stop->Raise(StopLevel::kDraining);
    }
    changed_.cancel();
  }

  void Say(const std::string& text) { context_.observer.OnMessage(text); }

  [[nodiscard]] bool draining() const {
    return context_.stop.draining() || control_.drained > drained_before_ || !summary_.host.empty();
  }

  void Tick() {
    tick_.emplace(context_.reactor, Deadline::In(kTick), [this] {
      context_.observer.OnTick();
      context_.shares.Poll();
      if (admitted_.answer == Admission::kLater) changed_.cancel();  // others may have settled
      TellBlocked();
      FlushIndex();
      Tick();
    });
  }

  // Where only others' programs keep this run from going on.
  void TellBlocked() {
    const std::string& blocked = context_.shares.blocked();
    if (!blocked.empty() && blocked != told_) Say("waiting for this host: " + blocked);
    told_ = blocked;
  }

  // The last finished trials come first, in the observer's eyes too: a continued run shows what is
  // there already.
  std::vector<const TrialPlan*> Unfinished() {
    std::vector<const TrialPlan*> out;
    for (const auto& t : plan_.trials) {
      if (HasVerdict(context_.folder.TrialDir(t.id)))
        ++summary_.done;
      else
        out.push_back(&t);
    }
    if (summary_.done > 0)
      Say(std::to_string(summary_.done) + " of " + std::to_string(plan_.trials.size()) +
          " trials have their verdict already");
    return out;
  }

  Status CheckFits() const {
    const Machine& machine = context_.shares.machine();
    for (const auto& t : plan_.trials) {
      if (!t.agent->needs_sandbox() || context_.shares.CanEverFit(ShareOf(t.limits, *t.agent)))
        continue;
      return Fail(ErrorCode::kConfig,
                  "trial " + t.id.str() + " asks for " + FormatDouble(t.limits.cpus) +
                      " cores and " + FormatBytes(t.limits.memory_bytes) + "; this machine has " +
                      FormatDouble(machine.cores) + " and " + FormatBytes(machine.memory_bytes) +
                      ". Lower limits.cpus or limits.memory.");
    }
    return {};
  }

  [[nodiscard]] bool IsOver() {
    if (draining() || !queue_->MayBegin(paused_live_)) return true;
    if (admitted_.answer == Admission::kNever) summary_.spent = admitted_.why;
    if (!summary_.spent.empty()) Trouble("the run's budget is used up: " + summary_.spent);
    return !summary_.spent.empty();
  }

  void StartWhatFits() {
    admitted_ = {};
    auto room = [this] {
      bool afford = admitted_.answer == Admission::kYes;
      return static_cast<int>(running_.size()) < jobs_ && afford;
    };
    queue_->Begin(room, [this](const TrialPlan& trial) { return Start(trial); });
  }

  // False: what the trial may cost is more than the run's budget leaves now; then none begins.
  bool Afford(const TrialPlan& trial) {
    if (!budget_.any()) return true;
    auto admitted = budget_.TryReserve(trial);
    if (!admitted) Halt("what its trials may cost is not known: " + admitted.error().message);
    if (admitted && !admitted->why.empty() && admitted->why != admitted_told_)
      Say(admitted_told_ = admitted->why);
    admitted_ = admitted ? *admitted : Admitted{Admission::kLater, ""};
    return admitted_.answer == Admission::kYes;
  }

  // False: there is no room for it now. What runs its programs in turns needs none to begin.
  bool Start(const TrialPlan& trial) {
    std::optional<MachineShares::Turn> turn;
    if (trial.agent->needs_sandbox() && !trial.agent->takes_turns()) {
      auto taken = context_.shares.TryTake(ShareOf(trial.limits, *trial.agent));
      if (!taken) return false;
      turn.emplace(std::move(*taken));
    }
    if (!Afford(trial)) return false;
    auto held = std::make_shared<std::optional<MachineShares::Turn>>(std::move(turn));
    auto stop = std::make_shared<StopSource>();
    running_[trial.id.str()] = stop;
    // Joined by Work, which waits until nothing runs.
    asio::co_spawn(context_.reactor.io(), WorkOn(trial, stop->token()),
                   [this, held, stop, id = trial.id.str()](std::exception_ptr) {
                     running_.erase(id);
                     held->reset();
                     changed_.cancel();
                   });
    return true;
  }

  // An exception is this trial's failure, and no other's.
  Task<void> WorkOn(const TrialPlan& trial, StopToken stop) {
    auto work = RunTrial(context_, trial, std::move(stop));
    auto ended = co_await Caught<TrialResult>(std::move(work), "trial " + trial.id.str());
    if (!ended) {
      ++summary_.failed;
      if (first_error_) first_error_ = tl::unexpected(ended.error());
      co_return LogError(trial.id.str() + ": " + ended.error().message);
    }
    if (budget_.any() && ended->end != TrialEnd::kElsewhere) {
      auto settle = [this, &trial, view = ended->view] { return budget_.Settle(trial, view); };
      auto settled = co_await context_.reactor.Blocking(std::move(settle));
      if (!settled) LogError(settled.error().message);
    }
    Follow(trial, *ended);
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

  // What becomes of a trial that has ended for now.
  void Follow(const TrialPlan& trial, const TrialResult& ended) {
    switch (ended.end) {
      case TrialEnd::kDone:
        ++summary_.done;
        ++summary_.fresh;
        return;
      case TrialEnd::kElsewhere:
        if (plan_.until_all_ended) return queue_->PutBack(trial, Deadline::In(kLookAgain).at());
        ++summary_.elsewhere;
        return;
      case TrialEnd::kExhausted:
        ++summary_.exhausted;
        return Trouble(trial.id.str() + " ended infrastructure_exhausted: " + ended.view.failure);
      case TrialEnd::kHost:
        Halt(ended.host);
        return queue_->PutBack(trial);
      case TrialEnd::kPaused:
        return queue_->PutBack(trial);
      case TrialEnd::kFailed:
        Again(trial, ended.view.failures);
    }
  }

  // Another attempt, now or by the next command.
  void Again(const TrialPlan& trial, int failures) {
    const RetryPolicy& retries = context_.retries;
    // What used up no attempt is for people to mend.
    if (!retries.pause || draining() || failures == 0) {
      ++summary_.failed;
      return;
    }
    Millis pause = PauseAfter(failures, *retries.pause);
    Say(trial.id.str() + ": attempt " + std::to_string(failures + 1) + " of " +
        std::to_string(retries.infrastructure + 1) + " begins in " + FormatDuration(pause));
    queue_->PutBack(trial, Deadline::In(pause).at(), true);
  }

  // No trial can run on this host: those that do end, and none has used up an attempt.
  void Halt(const std::string& lacks) {
    if (!summary_.host.empty()) return;
    summary_.host = lacks;
    Say("this host cannot run trials now: " + lacks +
        ". The run stops; mend that and give the same command again.");
    for (auto& [trial, stop] : running_) stop->Raise(StopLevel::kDraining);
    Trouble("this host cannot run trials now: " + lacks);
    changed_.cancel();
  }

  // People are told once of a kind of it; what they are told by goes on beside the run.
  void Trouble(const std::string& text) {
    const std::string& command = plan_.settings.Get("notify.command").value;
    if (command.empty() || std::exchange(troubled_, true)) return;
    auto tell = [command, dir = context_.folder.dir, text] {
      Notify(command, NotifyEvent::kTrouble, dir, text);
      return 0;
    };
    asio::co_spawn(context_.reactor.io(), context_.reactor.Blocking(std::move(tell)),
                   [](const std::exception_ptr&, int) {});
  }

  // What is left of those that failed waits for an attempt; the others never began, or paused.
  void CountWaiting() {
    summary_.failed += queue_->failed();
    summary_.paused += static_cast<int>(queue_->size()) - queue_->failed();
    summary_.held = queue_->held();
  }

  const RunPlan& plan_;
  RunContext& context_;
  RunSummary& summary_;
  RunControl control_;
  std::int64_t drained_before_ = 0;  // RunControl::drained when this process began
  bool paused_live_ = false;         // the run was paused while this process works on it
  RunBudget budget_;
  int jobs_;
  std::optional<TrialQueue> queue_;
  std::map<std::string, std::shared_ptr<StopSource>> running_;  // by TrialId::str()
  asio::steady_timer changed_;  // rings when a trial that failed may begin again; cancelled when
                                // something has changed
  std::optional<Alarm> tick_;
  Status first_error_;
  std::string told_;  // of what others hold
  bool troubled_ = false;
  Admitted admitted_;                 // of the last trial that asked
  std::string admitted_told_;         // of that
  Index* index_;                      // nullptr where it could not be opened
  std::vector<TrialView> unindexed_;  // trials that have ended
};

}  // namespace

Task<Status> RunTrials(const RunPlan& plan, RunContext& context, Index* index,
                       RunSummary& summary) {
  LocalExecutor executor(plan, context, index, summary);
  co_return co_await executor.Run();
}

}  // namespace podium::harness
