#include "harness/schedule/local_executor.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <optional>
#include <vector>

#include "base/async/alarm.h"
#include "base/deadlines.h"
#include "base/log.h"
#include "base/text.h"

namespace podium::harness {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kIndexAtOnce = 500;

// Runs the plan's trials on the event loop.
class LocalExecutor {
 public:
  LocalExecutor(const RunPlan& plan, RunContext& context, Index* index, RunSummary& summary)
      : plan_(plan),
        context_(context),
        summary_(summary),
        changed_(context.reactor.io(), Deadline::Never().at()),
        index_(index) {}

  Task<Status> Run() {
    PODIUM_CO_TRY(CheckFits());
    Tick();
    context_.shares.OnFree([this] { changed_.cancel(); });
    std::list<const TrialPlan*> waiting = Unfinished();
    while ((!waiting.empty() && !context_.stop.draining()) || running_ > 0) {
      if (!context_.stop.draining()) StartWhatFits(waiting);
      if (running_ == 0) break;
      boost::system::error_code ec;
      co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
    context_.shares.OnFree(nullptr);
    summary_.paused += static_cast<int>(waiting.size());
    tick_.reset();
    FlushIndex();
    co_return first_error_;
  }

 private:
  void Tick() {
    tick_.emplace(context_.reactor, Deadline::In(kTick), [this] {
      context_.observer.OnTick();
      FlushIndex();
      Tick();
    });
  }

  // The last finished trials come first, in the observer's eyes too: a continued run shows what is
  // there already.
  std::list<const TrialPlan*> Unfinished() {
    std::list<const TrialPlan*> out;
    for (const auto& t : plan_.trials) {
      if (HasVerdict(context_.folder.TrialDir(t.id)))
        ++summary_.done;
      else
        out.push_back(&t);
    }
    if (summary_.done > 0)
      context_.observer.OnMessage(std::to_string(summary_.done) + " of " +
                                  std::to_string(plan_.trials.size()) +
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

  void StartWhatFits(std::list<const TrialPlan*>& waiting) {
    for (auto it = waiting.begin(); it != waiting.end() && running_ < plan_.jobs;)
      it = Start(**it) ? waiting.erase(it) : std::next(it);
  }

  // False: there is no room for it now. What runs its programs in turns needs none to begin.
  bool Start(const TrialPlan& trial) {
    std::optional<MachineShares::Turn> turn;
    if (trial.agent->needs_sandbox() && !trial.agent->takes_turns()) {
      auto taken = context_.shares.TryTake(ShareOf(trial.limits, *trial.agent));
      if (!taken) return false;
      turn.emplace(std::move(*taken));
    }
    ++running_;
    auto held = std::make_shared<std::optional<MachineShares::Turn>>(std::move(turn));
    // Joined by Run, which waits until running_ is 0.
    asio::co_spawn(context_.reactor.io(), WorkOn(trial), [this, held](std::exception_ptr) {
      --running_;
      held->reset();
      changed_.cancel();
    });
    return true;
  }

  // An exception is this trial's failure, and no other's.
  Task<void> WorkOn(const TrialPlan& trial) {
    auto ended = co_await Caught<TrialResult>(RunTrial(context_, trial), "trial " + trial.id.str());
    Count(ended);
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

  void Count(const Result<TrialResult>& ended) {
    if (!ended && first_error_) first_error_ = tl::unexpected(ended.error());
    if (!ended || ended->end == TrialEnd::kFailed) ++summary_.failed;
    if (!ended) return;
    if (ended->end == TrialEnd::kElsewhere) ++summary_.elsewhere;
    if (ended->end == TrialEnd::kPaused) ++summary_.paused;
    if (ended->end != TrialEnd::kDone) return;
    ++summary_.done;
    ++summary_.fresh;
  }

  const RunPlan& plan_;
  RunContext& context_;
  RunSummary& summary_;
  asio::steady_timer changed_;  // never rings; cancelled when a trial ends
  std::optional<Alarm> tick_;
  int running_ = 0;
  Status first_error_;
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
