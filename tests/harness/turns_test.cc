// Who waits for a model holds nothing of the machine; programs have it in turns.
#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <vector>

#include "base/async/race.h"
#include "harness/schedule/local_executor.h"
#include "harness/trial/machine_shares.h"
#include "tests/harness/trial_fixture.h"

namespace podium::harness {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

class MachineSharesTest : public testing::Test {
 protected:
  // Begins to wait for so many cores; `got_` has its name once it has them.
  void Ask(const std::string& name, double cores) {
    boost::asio::co_spawn(reactor_.io(), Hold(name, cores), [](std::exception_ptr) {});
  }
  Task<void> Hold(std::string name, double cores) {
    MachineShare share{.cores = cores};
    auto turn = co_await shares_.Take(share);
    got_.push_back(name);
    held_.emplace_back(std::move(turn));
  }
  void GiveBack() { held_.pop_front(); }
  // Lets all who can go on do so.
  Task<void> Turns() {
    for (int i = 0; i < 20; ++i) {
      auto nothing = [] { return 0; };
      co_await reactor_.Blocking(nothing);
    }
  }
  void On(const std::function<Task<Status>()>& work) {
    auto ended = reactor_.Run(work);
    EXPECT_TRUE(ended) << ended.error().message;
  }

  Reactor reactor_;
  MachineShares shares_{Machine{.cores = 4, .memory_bytes = 8 * kGiB}};
  std::vector<std::string> got_;
  std::deque<MachineShares::Turn> held_;
};

TEST_F(MachineSharesTest, ASmallOnePassesALargeOneThatWaits) {
  On([this]() -> Task<Status> {
    Ask("a", 3);
    Ask("large", 4);
    Ask("small", 1);
    co_await Turns();
    EXPECT_THAT(got_, ElementsAre("a", "small"));
    EXPECT_FALSE(shares_.TryTake({.cores = 0.1})) << "others wait";
    GiveBack();
    GiveBack();
    co_await Turns();
    EXPECT_THAT(got_, ElementsAre("a", "small", "large"));
    held_.clear();
    co_return Status{};
  });
}

TEST_F(MachineSharesTest, ButNotForEver) {
  On([this]() -> Task<Status> {
    Ask("a", 1);
    Ask("large", 4);
    for (int i = 0; i < 200; ++i) {
      Ask("small", 3);
      co_await Turns();
      if (got_.back() == "large") break;
      if (held_.size() > 1) held_.pop_back();
    }
    EXPECT_EQ(std::count(got_.begin(), got_.end(), "small"), 50);
    GiveBack();
    co_await Turns();
    EXPECT_THAT(got_, testing::Contains("large"));
    while (!held_.empty()) {
      held_.clear();
      co_await Turns();
    }
    co_return Status{};
  });
}

TEST_F(MachineSharesTest, AWaitThatIsCancelledKeepsNothing) {
  On([this]() -> Task<Status> {
    auto all = shares_.TryTake({.cores = 4});
    EXPECT_TRUE(all);
    Deadline soon = Deadline::In(Millis(20));
    auto first = co_await Race(Hold("never", 4), SleepUntil(soon));
    EXPECT_EQ(first.index(), 1u);
    all.reset();
    co_await Turns();
    EXPECT_THAT(got_, IsEmpty());
    EXPECT_TRUE(shares_.TryTake({.cores = 4}));
    co_return Status{};
  });
}

TEST_F(MachineSharesTest, MemoryAndGpusAreSharedToo) {
  sandbox::GpuDevices gpu;
  gpu.devices.push_back({.name = "nvidia.com/gpu=0"});
  EXPECT_FALSE(shares_.CanEverFit({.cores = 1, .memory_bytes = 9 * kGiB}));
  auto first = shares_.TryTake({.cores = 1, .memory_bytes = 5 * kGiB, .gpus = &gpu});
  ASSERT_TRUE(first);
  EXPECT_FALSE(shares_.TryTake({.cores = 1, .memory_bytes = 5 * kGiB}));
  EXPECT_FALSE(shares_.TryTake({.cores = 1, .memory_bytes = kGiB, .gpus = &gpu}));
  EXPECT_TRUE(shares_.TryTake({.cores = 1, .memory_bytes = kGiB}));
  first.reset();
  EXPECT_TRUE(shares_.TryTake({.cores = 1, .memory_bytes = 5 * kGiB, .gpus = &gpu}));
}

// Trials of a scaffold that asks a model by itself, which a script plays.
class TurnsTest : public TrialFixture {
 protected:
  void SetUp() override {
    TrialFixture::SetUp();
    UseScaffold();
    info_.asks_model = true;
    agent_.configured.make_asking = [this](std::unique_ptr<agents::ChatClient>) {
      return std::make_unique<ScriptedScaffold>(work_);
    };
    machine_.cores = 2;
  }

  RunSummary RunAll(int trials) {
    RunPlan plan;
    plan.jobs = trials;
    for (int seed = 0; seed < trials; ++seed) {
      plan.trials.push_back(Plan(seed));
      plan.trials.back().limits = {.memory_bytes = kGiB, .cpus = 1};
    }
    RunSummary summary;
    auto ended = WithContext([&](RunContext& context) -> Task<Status> {
      co_return co_await RunTrials(plan, context, nullptr, summary);
    });
    EXPECT_TRUE(ended) << ended.error().message;
    return summary;
  }

  // As long as the others have not come so far; a test that would wait for ever fails.
  static Task<void> Until(agents::TrialContext& context, const std::function<bool()>& enough) {
    Deadline patience = Deadline::In(std::chrono::seconds(10));
    auto nothing = [] { return 0; };
    while (!enough() && !patience.expired()) co_await context.reactor.Blocking(nothing);
    EXPECT_FALSE(patience.expired());
  }
};

TEST_F(TurnsTest, AllWaitForTheirModelAtOnceAndTwoRunAtATime) {
  int waiting = 0, running = 0, most = 0;
  script_.exec = [&](sandbox::FakeFiles&, const sandbox::ExecSpec&) {
    most = std::max(most, ++running);
    sandbox::FakeExec out;
    out.result.exit_code = 0;
    out.may_end = [&running, asked = 0]() mutable {
      if (++asked < 20) return false;
      --running;
      return true;
    };
    return out;
  };
  work_ = [&](agents::TrialContext& context) -> Task<Result<agents::AgentOutcome>> {
    ++waiting;
    auto all = [&waiting] { return waiting == 6; };
    co_await Until(context, all);
    sandbox::ExecSpec spec;
    spec.argv = {"true"};
    Deadline until = Deadline::In(std::chrono::seconds(20));
    auto ran = co_await context.sandbox.Exec(std::move(spec), until);
    EXPECT_TRUE(ran);
    co_return agents::AgentOutcome{};
  };
  EXPECT_EQ(RunAll(6).done, 6);
  EXPECT_EQ(most, 2);
}

// While its agent waits for a model: one core is a job's, and the other trial gets it with its end.
TEST_F(TurnsTest, AJobKeepsTheTrialsTurnUntilItEnds) {
  bool release = false, ran = false, waits = false;
  script_.job = [&](sandbox::FakeFiles&, const sandbox::ExecSpec&) {
    return sandbox::FakeJob{.may_end = [&release] { return release; }};
  };
  script_.exec = [&](sandbox::FakeFiles&, const sandbox::ExecSpec&) {
    EXPECT_TRUE(release) << "the turn was the job's";
    ran = true;
    return sandbox::FakeExec{};
  };
  auto with_job = [&](agents::TrialContext& context) -> Task<Status> {
    sandbox::ExecSpec spec;
    spec.argv = {"train"};
    Deadline until = Deadline::In(std::chrono::seconds(20));
    auto job = co_await context.sandbox.StartJob(std::move(spec), std::chrono::hours(1), until);
    if (!job) co_return tl::unexpected(job.error());
    auto other = [&waits] { return waits; };
    co_await Until(context, other);
    Deadline soon = Deadline::In(Millis(100));
    co_await SleepUntil(soon);
    EXPECT_FALSE(ran);
    release = true;
    EXPECT_TRUE(co_await context.sandbox.WaitForJobs(until));
    EXPECT_EQ(context.sandbox.LiveJobs(), 0);
    auto done = [&ran] { return ran; };
    co_await Until(context, done);
    co_return Status{};
  };
  auto beside = [&](agents::TrialContext& context) -> Task<Status> {
    auto begun = [this] { return !backend_->calls().empty(); };
    co_await Until(context, begun);
    waits = true;
    sandbox::ExecSpec spec;
    spec.argv = {"true"};
    Deadline until = Deadline::In(std::chrono::seconds(20));
    auto result = co_await context.sandbox.Exec(std::move(spec), until);
    if (!result) co_return tl::unexpected(result.error());
    co_return Status{};
  };
  work_ = [&](agents::TrialContext& context) -> Task<Result<agents::AgentOutcome>> {
    if (context.seed == 0) PODIUM_CO_TRY(co_await with_job(context));
    if (context.seed == 1) PODIUM_CO_TRY(co_await beside(context));
    co_return agents::AgentOutcome{};
  };
  machine_.cores = 1;
  EXPECT_EQ(RunAll(2).done, 2);
  EXPECT_TRUE(ran);
}

TEST_F(TurnsTest, AJobThatTheSealEndsGivesTheTurnBack) {
  script_.job = [&](sandbox::FakeFiles&, const sandbox::ExecSpec&) {
    return sandbox::FakeJob{.may_end = [] { return false; }};
  };
  int begun = 0;
  work_ = [&](agents::TrialContext& context) -> Task<Result<agents::AgentOutcome>> {
    sandbox::ExecSpec spec;
    spec.argv = {"train"};
    Deadline until = Deadline::In(std::chrono::seconds(20));
    auto job = co_await context.sandbox.StartJob(std::move(spec), std::chrono::hours(1), until);
    if (!job) co_return tl::unexpected(job.error());
    ++begun;
    co_return agents::AgentOutcome{};
  };
  machine_.cores = 1;
  EXPECT_EQ(RunAll(3).done, 3);
  EXPECT_EQ(begun, 3);
}

TEST_F(TurnsTest, WhoRunsNothingHasNoSandbox) {
  work_ = [](agents::TrialContext&) -> Task<Result<agents::AgentOutcome>> {
    co_return agents::AgentOutcome{};
  };
  auto result = Run();
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->end, TrialEnd::kDone);
  EXPECT_THAT(backend_->calls(), IsEmpty());
  EXPECT_FALSE(result->view.verdict->isolation);
  EXPECT_EQ(result->view.verdict->grade.verdict, "no_submission");
}

TEST_F(TurnsTest, TheWaitForATurnIsNoWorkingTimeAndNotTheCommands) {
  Millis seen{0};
  bool moved = false;
  std::optional<Deadline> given;
  script_.exec = [&](sandbox::FakeFiles&, const sandbox::ExecSpec&) {
    sandbox::FakeExec out;
    out.result.exit_code = 0;
    out.takes = Millis(50);
    return out;
  };
  work_ = [&](agents::TrialContext& context) -> Task<Result<agents::AgentOutcome>> {
    sandbox::ExecSpec spec;
    spec.argv = {"true"};
    // Over before the first of three has ended, where it is not moved.
    Deadline until = Deadline::In(Millis(80));
    auto ran = co_await context.sandbox.Exec(std::move(spec), until);
    moved = ran && ran->end == sandbox::ExecEnd::kExited;
    seen = std::max(seen, context.outage());
    co_return agents::AgentOutcome{};
  };
  machine_.cores = 1;
  EXPECT_EQ(RunAll(4).done, 4);
  EXPECT_TRUE(moved);
  EXPECT_GE(seen, Millis(100));
  bool told = false;
  for (int seed = 0; seed < 4; ++seed)
    told = told || Names(seed).find("outage") != std::string::npos;
  EXPECT_TRUE(told) << "the journal says how long, or the time would count after a restart";
}

}  // namespace
}  // namespace podium::harness
