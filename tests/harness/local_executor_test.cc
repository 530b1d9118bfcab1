// Which trials run, when, and how many at once: whole trials in sandboxes that a script plays.
#include "harness/schedule/local_executor.h"

#include <gmock/gmock.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>

#include "harness/store/control.h"
#include "harness/store/lease.h"
#include "tests/harness/trial_fixture.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

class LocalExecutorTest : public TrialFixture {
 protected:
  void SetUp() override {
    TrialFixture::SetUp();
    UseScaffold();
    work_ = [this](agents::TrialContext& context) { return Work(context); };
  }

  // Notes who runs, and runs until `enough_` says so.
  Task<Result<agents::AgentOutcome>> Work(agents::TrialContext& context) {
    int seed = static_cast<int>(context.seed);
    begun_.push_back(seed);
    most_ = std::max(most_, ++running_);
    if (on_begin_) on_begin_();
    // Patience ends a test that would wait for ever, as a failure.
    Deadline patience = Deadline::In(std::chrono::seconds(10));
    auto nothing = [] { return 0; };
    while (!enough_(seed) && !patience.expired()) co_await context.reactor.Blocking(nothing);
    EXPECT_FALSE(patience.expired());
    // Whoever may not run yet would have come so far in these turns of the loop.
    for (int turn = 0; turn < 100; ++turn) co_await context.reactor.Blocking(nothing);
    --running_;
    co_return agents::AgentOutcome{};
  }

  void Add(int seed, double cpus = 1, std::uint64_t memory = kGiB) {
    TrialPlan trial = Plan(seed);
    trial.limits.cpus = cpus;
    trial.limits.memory_bytes = memory;
    plan_.trials.push_back(trial);
  }
  void AddMany(int trials) {
    for (int seed = 0; seed < trials; ++seed) Add(seed);
  }

  // What `podium run` does once its run's folder stands; each call is another process.
  RunSummary RunAll() {
    RunSummary summary;
    status_ = WithContext([&](RunContext& context) -> Task<Status> {
      co_return co_await RunTrials(plan_, context, nullptr, summary);
    });
    return summary;
  }

  RunPlan plan_;
  Status status_;
  std::function<bool(int seed)> enough_ = [](int) { return true; };
  std::function<void()> on_begin_;
  std::vector<int> begun_;
  int running_ = 0;
  int most_ = 0;
};

TEST_F(LocalExecutorTest, TrialsBeginInThePlansOrder) {
  for (int seed : {3, 1, 2}) Add(seed);
  auto summary = RunAll();
  ASSERT_TRUE(status_) << status_.error().message;
  EXPECT_THAT(begun_, ElementsAre(3, 1, 2));
  EXPECT_EQ(summary.done, 3);
  EXPECT_EQ(summary.fresh, 3);
  EXPECT_THAT(observer_.ended, ElementsAre("tiny/a/s3", "tiny/a/s1", "tiny/a/s2"));
}

TEST_F(LocalExecutorTest, AsManyRunAtOnceAsJobsAndNoMore) {
  AddMany(7);
  plan_.jobs = 3;
  enough_ = [this](int) { return most_ >= 3; };  // the first wait for the third
  auto summary = RunAll();
  EXPECT_EQ(most_, 3);
  EXPECT_EQ(summary.done, 7);
}

TEST_F(LocalExecutorTest, TrialsTakeNoMoreCoresThanTheMachineHas) {
  for (int seed = 0; seed < 5; ++seed) Add(seed, 2);
  plan_.jobs = 5;
  machine_.cores = 5;
  enough_ = [this](int) { return most_ >= 2; };
  EXPECT_EQ(RunAll().done, 5);
  EXPECT_EQ(most_, 2);
}

TEST_F(LocalExecutorTest, TrialsTakeNoMoreMemoryThanTheMachineHas) {
  for (int seed = 0; seed < 5; ++seed) Add(seed, 1, 3 * kGiB);
  plan_.jobs = 5;
  machine_.memory_bytes = 9 * kGiB;
  enough_ = [this](int) { return most_ >= 3; };
  EXPECT_EQ(RunAll().done, 5);
  EXPECT_EQ(most_, 3);
}

TEST_F(LocalExecutorTest, ATrialThatFitsPassesOneThatDoesNotYet) {
  Add(0, 3);
  Add(1, 3);
  Add(2, 1);
  plan_.jobs = 3;
  machine_.cores = 4;
  enough_ = [this](int) { return begun_.size() >= 2; };
  EXPECT_EQ(RunAll().done, 3);
  ASSERT_THAT(begun_, UnorderedElementsAre(0, 1, 2));
  EXPECT_EQ(begun_.back(), 1);
}

TEST_F(LocalExecutorTest, TrialsOfOneGpuTakeTurns) {
  agent_.gpus.devices.push_back({.name = "nvidia.com/gpu=0"});
  AddMany(3);
  plan_.jobs = 3;
  EXPECT_EQ(RunAll().done, 3);
  EXPECT_EQ(most_, 1);
}

TEST_F(LocalExecutorTest, WithoutASandboxATrialTakesOnlyItsTurn) {
  UseBaseline("nop");
  for (int seed = 0; seed < 3; ++seed) Add(seed, 100, 5000 * kGiB);
  auto summary = RunAll();
  ASSERT_TRUE(status_) << status_.error().message;
  EXPECT_EQ(summary.done, 3);
}

TEST_F(LocalExecutorTest, WhatNoMachineLikeThisCanRunIsRefusedBeforeAnythingBegins) {
  Add(0);
  Add(1, 65);
  auto summary = RunAll();
  ASSERT_FALSE(status_);
  EXPECT_EQ(status_.error().code, ErrorCode::kConfig);
  EXPECT_THAT(status_.error().message, HasSubstr("tiny/a/s1 asks for 65 cores"));
  EXPECT_THAT(begun_, SizeIs(0));
  EXPECT_EQ(summary.done, 0);
}

TEST_F(LocalExecutorTest, TrialsWithTheirVerdictAreCountedAndNotRun) {
  AddMany(2);
  ASSERT_EQ(RunAll().done, 2);
  Add(2);
  begun_.clear();
  auto summary = RunAll();
  EXPECT_THAT(begun_, ElementsAre(2));
  EXPECT_EQ(summary.done, 3);
  EXPECT_EQ(summary.fresh, 1);
  EXPECT_THAT(observer_.messages, Contains("2 of 3 trials have their verdict already"));
}

TEST_F(LocalExecutorTest, AnInfrastructureFailureKeepsNoOtherAndIsTriedAgainByTheSameCommand) {
  AddMany(3);
  script_.faults["create"] = {Error{ErrorCode::kSandbox, "it broke"}};
  auto first = RunAll();
  EXPECT_TRUE(status_) << "a trial's failure is not the run's";
  EXPECT_EQ(first.failed, 1);
  EXPECT_EQ(first.done, 2);
  EXPECT_THAT(begun_, ElementsAre(1, 2)) << "it is not tried again by the same process";
  script_.faults.clear();
  auto second = RunAll();
  EXPECT_EQ(second.failed, 0);
  EXPECT_EQ(second.done, 3);
  EXPECT_EQ(second.fresh, 1);
  EXPECT_EQ(ReadTrial(Dir(0), Plan(0).id, SystemClock()).attempts, 2);
}

TEST_F(LocalExecutorTest, AFailureIsReplacedByTheSameProcessAfterAPause) {
  AddMany(2);
  retries_.pause = Millis(5);
  script_.faults["create"] = {Error{ErrorCode::kSandbox, "it broke"}};
  auto summary = RunAll();
  EXPECT_EQ(summary.failed, 0);
  EXPECT_EQ(summary.done, 2);
  EXPECT_THAT(begun_, ElementsAre(1, 0)) << "the others do not wait";
  EXPECT_THAT(observer_.messages, Contains("tiny/a/s0: attempt 2 of 3 begins in 5 ms"));
  EXPECT_EQ(ReadTrial(Dir(0), Plan(0).id, SystemClock()).attempts, 2);
}

TEST_F(LocalExecutorTest, OneThatInfrastructureFailsTooOftenEndsAndIsCounted) {
  AddMany(2);
  retries_ = {.infrastructure = 1, .pause = Millis(1)};
  Error broken{ErrorCode::kSandbox, "it broke"};
  script_.faults["create"] = {broken, Error{ErrorCode::kSandbox, "again"}, broken};
  auto summary = RunAll();
  EXPECT_EQ(summary.exhausted + summary.done, 2);
  EXPECT_EQ(summary.exhausted, 1);
  EXPECT_EQ(summary.failed, 0);
  begun_.clear();
  script_.faults.clear();
  auto second = RunAll();
  EXPECT_EQ(second.exhausted, 1);
  EXPECT_THAT(begun_, SizeIs(0)) << "the same command leaves it";
}

TEST_F(LocalExecutorTest, DrainedItDoesNotWaitForAPause) {
  AddMany(1);
  retries_.pause = std::chrono::hours(1);
  script_.faults["create"] = {Error{ErrorCode::kSandbox, "it broke"}};
  stop_after_ = Millis(100);
  auto summary = RunAll();
  EXPECT_EQ(summary.failed, 1);
  EXPECT_EQ(summary.paused, 0);
}

TEST_F(LocalExecutorTest, AHostThatCanRunNoTrialEndsTheRun) {
  AddMany(5);
  script_.faults["create"] = {Error{ErrorCode::kUnavailable, "no loop device"}};
  auto summary = RunAll();
  ASSERT_TRUE(status_);
  EXPECT_EQ(summary.host, "no loop device");
  EXPECT_EQ(summary.paused, 5) << "none has used up an attempt";
  EXPECT_THAT(begun_, SizeIs(0));
  script_.faults.clear();
  EXPECT_EQ(RunAll().done, 5);
}

class ControlTest : public LocalExecutorTest {
 protected:
  void Ask(const std::function<void(RunControl&)>& change) {
    auto changed = ChangeControl(run_dir_, change);
    ASSERT_TRUE(changed) << changed.error().message;
  }
  // The first to begin asks for something and goes on until it has been heard.
  void FirstAsks(std::function<void(RunControl&)> change, std::string heard) {
    on_begin_ = [this, change = std::move(change)] {
      if (begun_.size() == 1) Ask(change);
    };
    enough_ = [this, heard = std::move(heard)](int) {
      return std::ranges::any_of(observer_.messages, [&](const std::string& message) {
        return message.find(heard) != std::string::npos;
      });
    };
  }
  std::string Id(int seed) { return Plan(seed).id.str(); }
};

TEST_F(ControlTest, WhatSomebodyHoldsDoesNotBegin) {
  AddMany(3);
  Ask([&](RunControl& c) { c.trials[Id(1)] = records::Hold::kPaused; });
  auto summary = RunAll();
  EXPECT_THAT(begun_, ElementsAre(0, 2));
  EXPECT_EQ(summary.held, 1);
  EXPECT_EQ(summary.paused, 1);
  Ask([&](RunControl& c) { c.trials.clear(); });
  EXPECT_EQ(RunAll().done, 3);
}

TEST_F(ControlTest, APausedRunThatNobodyWorksOnBeginsNothing) {
  AddMany(2);
  Ask([](RunControl& c) { c.run = records::Hold::kPaused; });
  auto summary = RunAll();
  EXPECT_THAT(begun_, SizeIs(0));
  EXPECT_EQ(summary.held, 2);
}

TEST_F(ControlTest, PausedWhileItRunsItWaitsToGoOn) {
  AddMany(3);
  FirstAsks([](RunControl& c) { c.run = records::Hold::kPaused; }, "the run is paused");
  observer_.on_message = [this](std::string_view text) {
    if (text == "the run is paused") Ask([](RunControl& c) { c.run = records::Hold::kNone; });
  };
  auto summary = RunAll();
  EXPECT_EQ(summary.done, 3);
  EXPECT_THAT(observer_.messages, Contains("going on"));
}

TEST_F(ControlTest, ACancelledTrialEndsNowAndIsLeft) {
  AddMany(2);
  FirstAsks([&](RunControl& c) { c.trials[Id(0)] = records::Hold::kCancelled; }, "never heard");
  auto quick = work_;
  work_ = [this, quick](agents::TrialContext& context) -> Task<Result<agents::AgentOutcome>> {
    if (context.seed == 1) enough_ = [](int) { return true; };
    auto work = quick(context);
    co_return co_await std::move(work);
  };
  auto summary = RunAll();
  EXPECT_EQ(summary.done, 1);
  EXPECT_EQ(summary.held, 1);
  EXPECT_EQ(ReadTrial(Dir(0), Plan(0).id, SystemClock()).state, "paused");
}

TEST_F(ControlTest, DrainedByAnotherProcessItEndsAndTheNextGoesOn) {
  AddMany(3);
  FirstAsks([](RunControl& c) { c.drained = c.number + 1; }, "draining");
  auto summary = RunAll();
  EXPECT_EQ(summary.done, 1);
  EXPECT_EQ(summary.paused, 2);
  EXPECT_EQ(RunAll().done, 3) << "it was meant for those who worked then";
}

TEST_F(ControlTest, MoreMayRunAtOnceThanWasPlanned) {
  AddMany(4);
  plan_.jobs = 1;
  on_begin_ = [this] {
    if (begun_.size() == 1) Ask([](RunControl& c) { c.jobs = 3; });
  };
  enough_ = [this](int) { return most_ >= 3; };
  EXPECT_EQ(RunAll().done, 4);
  EXPECT_EQ(most_, 3);
}

TEST_F(ControlTest, ThoseOfHigherPriorityBeginFirst) {
  AddMany(4);
  Ask([&](RunControl& c) { c.priority = {{Id(2), 5}, {Id(0), -1}}; });
  EXPECT_EQ(RunAll().done, 4);
  EXPECT_THAT(begun_, ElementsAre(2, 1, 3, 0));
}

TEST_F(ControlTest, OthersSeeWhoWorks) {
  EXPECT_THAT(WorkersOf(run_dir_, SystemClock()), SizeIs(0));
  {
    auto sign = WorkerSign::Put(run_dir_);
    ASSERT_TRUE(sign);
    EXPECT_THAT(WorkersOf(run_dir_, SystemClock()),
                ElementsAre(testing::StartsWith("pid " + std::to_string(::getpid()))));
  }
  EXPECT_THAT(WorkersOf(run_dir_, SystemClock()), SizeIs(0));
}

TEST_F(LocalExecutorTest, AFolderThatCannotBeUsedIsAnErrorAndTheOthersRun) {
  AddMany(3);
  fs::create_directories(Dir(1).parent_path());
  ASSERT_TRUE(WriteFileAtomic(Dir(1), "a file where the trial's folder belongs"));
  auto summary = RunAll();
  EXPECT_FALSE(status_);
  EXPECT_EQ(summary.failed, 1);
  EXPECT_EQ(summary.done, 2);
  EXPECT_THAT(begun_, ElementsAre(0, 2));
}

TEST_F(LocalExecutorTest, AnotherProcesssTrialIsLeftToIt) {
  AddMany(2);
  fs::create_directories(Dir(0));
  auto lease = Lease::TryTake(Dir(0), SystemClock());
  ASSERT_TRUE(lease && *lease);
  auto summary = RunAll();
  EXPECT_EQ(summary.elsewhere, 1);
  EXPECT_EQ(summary.done, 1);
  EXPECT_THAT(begun_, ElementsAre(1));
  EXPECT_THAT(observer_.ended, ElementsAre("tiny/a/s1"));
}

TEST_F(LocalExecutorTest, OnceItDrainsNothingBeginsAndWhatRunsEnds) {
  AddMany(5);
  plan_.jobs = 2;
  // One goes on once both run, the other once the first has its verdict.
  enough_ = [this](int seed) {
    return seed == begun_.front() ? most_ >= 2 : !observer_.ended.empty();
  };
  on_begin_ = [this] {
    if (begun_.size() == 2) stop_->Raise(StopLevel::kDraining);
  };
  auto summary = RunAll();
  ASSERT_TRUE(status_);
  EXPECT_THAT(begun_, UnorderedElementsAre(0, 1));
  EXPECT_EQ(summary.done, 2) << "what ran came to its verdict";
  EXPECT_EQ(summary.paused, 3);
  EXPECT_FALSE(fs::exists(Dir(2)));
  on_begin_ = nullptr;
  enough_ = [](int) { return true; };
  auto second = RunAll();
  EXPECT_EQ(second.done, 5);
  EXPECT_EQ(second.fresh, 3);
}

TEST_F(LocalExecutorTest, DrainedBeforeItBeginsItBeginsNothing) {
  AddMany(2);
  status_ = WithContext([&](RunContext& context) -> Task<Status> {
    stop_->Raise(StopLevel::kDraining);
    RunSummary summary;
    auto ran = co_await RunTrials(plan_, context, nullptr, summary);
    EXPECT_EQ(summary.paused, 2);
    co_return ran;
  });
  EXPECT_TRUE(status_);
  EXPECT_THAT(begun_, SizeIs(0));
}

TEST_F(LocalExecutorTest, StoppedWhatRunsPausesAtOnceAndGoesOnByTheSameCommand) {
  AddMany(3);
  plan_.jobs = 2;
  auto quick = work_;
  work_ = [this](agents::TrialContext& context) -> Task<Result<agents::AgentOutcome>> {
    begun_.push_back(static_cast<int>(context.seed));
    if (begun_.size() == 2) stop_->Raise(StopLevel::kStopping);
    Deadline late = Deadline::In(std::chrono::hours(1));
    co_await SleepUntil(late);
    co_return agents::AgentOutcome{};
  };
  auto first = RunAll();
  ASSERT_TRUE(status_);
  EXPECT_THAT(begun_, UnorderedElementsAre(0, 1));
  EXPECT_EQ(first.paused, 3);
  EXPECT_EQ(first.done, 0);
  EXPECT_EQ(ReadTrial(Dir(0), Plan(0).id, SystemClock()).state, "paused");
  work_ = quick;
  EXPECT_EQ(RunAll().done, 3);
}

// How many rows a table of the run's index has; -1 where it cannot be read.
int RowsIn(const fs::path& run_dir, const std::string& table) {
  sqlite3* db = nullptr;
  sqlite3_stmt* ask = nullptr;
  int rows = -1;
  std::string sql = "SELECT count(*) FROM " + table;
  if (sqlite3_open((run_dir / "podium.db").c_str(), &db) == SQLITE_OK &&
      sqlite3_prepare_v2(db, sql.c_str(), -1, &ask, nullptr) == SQLITE_OK &&
      sqlite3_step(ask) == SQLITE_ROW)
    rows = sqlite3_column_int(ask, 0);
  sqlite3_finalize(ask);
  sqlite3_close(db);
  return rows;
}

TEST_F(LocalExecutorTest, WhatEndedIsInTheIndex) {
  AddMany(2);
  auto index = Index::Open(run_dir_);
  ASSERT_TRUE(index) << index.error().message;
  ASSERT_EQ(RowsIn(run_dir_, "trials"), 0);
  RunSummary summary;
  status_ = WithContext([&](RunContext& context) -> Task<Status> {
    co_return co_await RunTrials(plan_, context, &*index, summary);
  });
  ASSERT_TRUE(status_);
  EXPECT_EQ(RowsIn(run_dir_, "trials"), 2);
}

}  // namespace
}  // namespace podium::harness
