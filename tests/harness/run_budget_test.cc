// Ceilings of a whole run: what is set aside before a trial begins, and what comes back.
#include "harness/schedule/run_budget.h"

#include <gmock/gmock.h>

#include <map>

#include "harness/schedule/local_executor.h"
#include "tests/harness/trial_fixture.h"

namespace podium::harness {
namespace {

using agents::Usd;
using testing::HasSubstr;

Usd Dollars(const char* text) { return *Usd::Parse(text); }

class RunBudgetTest : public TrialFixture {
 protected:
  void SetUp() override {
    TrialFixture::SetUp();
    UseScaffold();
    agent_.gateway.models.emplace_back();  // it asks a model
    WriteLock();
    for (int seed = 0; seed < 20; ++seed) plan_.trials.push_back(Plan(seed));
  }
  // A run whose trials are these.
  void WriteLock() {
    records::RunLock lock;
    for (int seed = 0; seed < 20; ++seed) lock.trials.push_back({"tiny", "a", seed});
    ASSERT_TRUE(WriteFileAtomic(run_dir_ / "lock.json", records::ToText(lock)));
    ASSERT_TRUE(WriteFileAtomic(run_dir_ / "run.yaml", "schema: podium-run/1\n"));
  }
  RunBudget Open(RunCeilings ceilings) {
    RunBudget budget(ceilings, run_dir_, SystemClock());
    auto begun = budget.Begin(plan_);
    EXPECT_TRUE(begun) << begun.error().message;
    return budget;
  }
  // A trial that has ended, or not, and has cost so much.
  TrialView Cost(int seed, const char* usd, bool ended = true) {
    TrialView view;
    view.id = Plan(seed).id;
    view.attempts = 1;
    view.models.cost = Dollars(usd);
    view.exhausted = ended;
    return view;
  }
  Admission Ask(RunBudget& budget, int seed) {
    auto admitted = budget.TryReserve(Plan(seed));
    EXPECT_TRUE(admitted) << admitted.error().message;
    why_ = admitted->why;
    return admitted->answer;
  }

  RunPlan plan_;
  std::string why_;
};

TEST_F(RunBudgetTest, TheOwnBudgetOfEachIsSetAsideAndTheRestComesBack) {
  agent_.gateway.budget.money = Dollars("0.5");
  RunBudget budget = Open({.usd = Dollars("1.2")});
  EXPECT_EQ(Ask(budget, 0), Admission::kYes);
  EXPECT_EQ(Ask(budget, 1), Admission::kYes);
  EXPECT_EQ(Ask(budget, 2), Admission::kLater);
  EXPECT_THAT(why_, HasSubstr("run.budget.usd: $0 of $1.2 are spent, and a trial may cost $0.5"));
  ASSERT_TRUE(budget.Settle(Plan(0), Cost(0, "0.1")));
  EXPECT_EQ(Ask(budget, 2), Admission::kYes);
  ASSERT_TRUE(budget.Settle(Plan(1), Cost(1, "0.5")));
  ASSERT_TRUE(budget.Settle(Plan(2), Cost(2, "0.5")));
  EXPECT_EQ(Ask(budget, 3), Admission::kNever);
  EXPECT_THAT(why_, HasSubstr("$1.1 of $1.2 are spent"));
}

TEST_F(RunBudgetTest, WithoutABudgetOfItsOwnTheDearestOfThoseThatEndedCounts) {
  RunBudget budget = Open({.tokens = 100});
  auto tokens = [this](int seed, std::int64_t n) {
    TrialView view = Cost(seed, "0");
    view.models.tokens.output = n;
    return view;
  };
  EXPECT_EQ(Ask(budget, 0), Admission::kYes);
  EXPECT_EQ(Ask(budget, 1), Admission::kLater) << "nobody knows yet what one costs";
  EXPECT_THAT(why_, HasSubstr("once the first has ended"));
  ASSERT_TRUE(budget.Settle(Plan(0), tokens(0, 40)));
  EXPECT_EQ(Ask(budget, 1), Admission::kYes);
  EXPECT_EQ(Ask(budget, 2), Admission::kLater) << "40 are spent, 40 set aside";
  ASSERT_TRUE(budget.Settle(Plan(1), tokens(1, 30)));
  EXPECT_EQ(Ask(budget, 2), Admission::kNever);
}

TEST_F(RunBudgetTest, AnUnfinishedTrialHasCostWhatItHas) {
  agent_.gateway.budget.money = Dollars("0.5");
  RunBudget budget = Open({.usd = Dollars("0.6")});
  EXPECT_EQ(Ask(budget, 0), Admission::kYes);
  ASSERT_TRUE(budget.Settle(Plan(0), Cost(0, "0.4", false)));
  EXPECT_EQ(Ask(budget, 1), Admission::kNever) << "0.4 are gone";
  EXPECT_EQ(Ask(budget, 0), Admission::kYes) << "it may cost 0.1 more";
}

TEST_F(RunBudgetTest, HoursOfGpusAreTheTrialsTimeTimesItsCards) {
  agent_.gpus.devices = {{"gpu=0", {}}, {"gpu=1", {}}};
  RunBudget budget = Open({.gpu_hours = 0.3});  // each may take 2 x 5 min
  EXPECT_EQ(Ask(budget, 0), Admission::kYes);
  EXPECT_EQ(Ask(budget, 1), Admission::kLater);
}

TEST_F(RunBudgetTest, NoneBeginsThatWouldEndAfterTheRunsTime) {
  EXPECT_EQ(Ask(*std::make_unique<RunBudget>(Open({.wall = std::chrono::minutes(6)})), 0),
            Admission::kYes);
  RunBudget budget = Open({.wall = std::chrono::minutes(4)});
  EXPECT_EQ(Ask(budget, 1), Admission::kNever);
  EXPECT_THAT(why_, HasSubstr("run.budget.wall: a trial of 5 min"));
}

// Twenty trials of up to half a dollar under a ceiling of three.
TEST_F(RunBudgetTest, AWholeRunNeverPassesItsCeiling) {
  agent_.gateway.models.clear();
  agent_.gateway.budget.money = Dollars("0.5");
  ceilings_.usd = Dollars("3");
  plan_.jobs = 8;
  std::map<int, const char*> costs = {{0, "0.5"}, {1, "0.02"}, {2, "0.5"}, {3, "0.31"}};
  int running = 0, most = 0;
  work_ = [&](agents::TrialContext& context) -> Task<Result<agents::AgentOutcome>> {
    most = std::max(most, ++running);
    auto cost = costs.find(static_cast<int>(context.seed) % 5);
    records::ModelCall call{.model = "m", .format = "chat", .status = 200, .end = "ok"};
    call.cost_usd = cost == costs.end() ? "0.4" : cost->second;
    auto recorded = context.events.Record(std::move(call));
    EXPECT_TRUE(recorded);
    Deadline soon = Deadline::In(Millis(5));
    co_await SleepUntil(soon);
    --running;
    co_return agents::AgentOutcome{};
  };
  RunSummary summary;
  auto status = WithContext([&](RunContext& context) -> Task<Status> {
    co_return co_await RunTrials(plan_, context, nullptr, summary);
  });
  ASSERT_TRUE(status) << status.error().message;
  Usd spent;
  for (int seed = 0; seed < 20; ++seed)
    spent = spent + ReadTrial(Dir(seed), Plan(seed).id, SystemClock()).models.cost;
  EXPECT_LE(spent, Dollars("3"));
  EXPECT_GT(spent, Dollars("2.5")) << "as much as a trial may cost is left at most";
  EXPECT_LE(most, 6) << "six times 0.5 are set aside at the beginning";
  EXPECT_GE(most, 2);
  EXPECT_GT(summary.done, 6);
  EXPECT_EQ(summary.done + summary.paused, 20);
  EXPECT_THAT(summary.spent, HasSubstr("run.budget.usd"));
}

}  // namespace
}  // namespace podium::harness
