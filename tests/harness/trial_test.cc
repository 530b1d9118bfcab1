// The trial machine on sandboxes that a script plays: what it writes, in which order, and where it
// goes on after each way to be cut off.
#include <gmock/gmock.h>

#include "harness/store/history.h"
#include "harness/store/lease.h"
#include "tests/harness/trial_fixture.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const char* kPath = "/home/submission/submission.csv";

std::string Sample(const tasks::PreparedTask& prepared) {
  return *ReadFile(prepared.sample_submission());
}

class TrialTest : public TrialFixture {
 protected:
  // A scaffold whose one command leaves `bytes` as the submission.
  void LeaveFile(std::string bytes) {
    UseScaffold();
    script_.exec = [bytes](sandbox::FakeFiles& files, const sandbox::ExecSpec&) {
      files[kPath] = bytes;
      files["/home/logs/log.txt"] = "a line";
      return sandbox::FakeExec{};
    };
    work_ = [](agents::TrialContext& context) -> Task<Result<agents::AgentOutcome>> {
      sandbox::ExecSpec spec;
      spec.argv = {"agent"};
      auto ran = co_await context.sandbox.Exec(std::move(spec), context.deadline);
      if (!ran) co_return tl::unexpected(ran.error());
      co_return agents::AgentOutcome{};
    };
  }
};

TEST_F(TrialTest, WorksSealsAndGrades) {
  LeaveFile(Sample(prepared_));
  auto result = Run();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->end, TrialEnd::kDone);
  EXPECT_EQ(Names(), "attempt service taken taken sealed graded");
  auto view = ReadTrial(Dir(), Plan().id, SystemClock());
  EXPECT_EQ(view.state, "done");
  EXPECT_EQ(view.verdict->grade.score, 0.75);
  EXPECT_EQ(view.verdict->agent.end, "finished");
  EXPECT_EQ(view.verdict->isolation->backend, "fake");
  EXPECT_EQ(view.verdict->image, "image");
  EXPECT_EQ(*ReadFile(Dir() / "submission/submission.csv"), Sample(prepared_));
  EXPECT_EQ(*ReadFile(Dir() / "logs/log.txt"), "a line");
  ASSERT_EQ(grader_.asked.size(), 1u);
  EXPECT_EQ(grader_.asked[0].submission, Dir() / "submission/submission.csv");
  EXPECT_EQ(LeaseOwner(Dir(), SystemClock()), "") << "the lease was kept";
  // What was seen in memory is what the files say.
  EXPECT_EQ(result->view.state, view.state);
  EXPECT_EQ(result->view.attempts, view.attempts);
  EXPECT_EQ(result->view.last_event, view.last_event);
  EXPECT_EQ(records::ToText(*result->view.verdict), records::ToText(*view.verdict));
}

TEST_F(TrialTest, TheHistoryKnowsOfTheAttemptAndTheGrading) {
  LeaveFile(Sample(prepared_));
  ASSERT_TRUE(Run());
  auto history = ReadHistory(run_dir_);
  ASSERT_TRUE(history) << history.error().message;
  ASSERT_EQ(history->size(), 2u);
  EXPECT_EQ((*history)[0].event, "attempt");
  EXPECT_EQ((*history)[1].verdict_sha256, Digest::Of(*ReadFile(Dir() / "verdict.json")).hex());
  EXPECT_EQ((*history)[1].journal_sha256, SealedDigest(Dir() / "journal.jsonl")->hex());
  EXPECT_EQ((*history)[1].lease, Lines().back().lease);
}

TEST_F(TrialTest, ATrialWithItsVerdictIsLeftAlone) {
  LeaveFile(Sample(prepared_));
  ASSERT_TRUE(Run());
  std::string before = *ReadFile(Dir() / "journal.jsonl");
  auto again = Run();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->end, TrialEnd::kDone);
  EXPECT_EQ(again->view.verdict->grade.score, 0.75);
  EXPECT_EQ(*ReadFile(Dir() / "journal.jsonl"), before);
  EXPECT_THAT(backend_->calls(), testing::IsEmpty());
  EXPECT_EQ(ReadHistory(run_dir_)->size(), 2u);
}

TEST_F(TrialTest, WithoutAnAgentAllIsOneGroupAndNoSandboxIsMade) {
  UseBaseline("nop");
  auto result = Run();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(Names(), "attempt sealed graded");
  EXPECT_THAT(backend_->calls(), testing::IsEmpty());
  EXPECT_EQ(result->view.verdict->grade.verdict, "no_submission");
  EXPECT_FALSE(result->view.verdict->isolation);
  EXPECT_FALSE(fs::exists(Dir() / "code"));
  EXPECT_EQ(ReadHistory(run_dir_)->size(), 2u);
  EXPECT_EQ(ReadHistory(run_dir_)->front().event, "attempt");
}

TEST_F(TrialTest, TheOracleHandsInTheAnswers) {
  UseBaseline("oracle");
  ASSERT_TRUE(Run());
  EXPECT_EQ(*ReadFile(Dir() / "submission/submission.csv"),
            *ReadFile(prepared_.private_dir / "perfect_submission.csv"));
  ASSERT_EQ(grader_.asked.size(), 1u);
  EXPECT_EQ(grader_.asked[0].hand_over.status, records::HandOverStatus::kOk);
}

// Everything that can break on the host's side is infrastructure, says so in the journal, and is
// tried again by the same command.
TEST_F(TrialTest, WhatTheHostBreaksIsAFailureAndTriedAgain) {
  for (const char* operation : {"create", "exec", "take_file", "seal", "destroy"}) {
    int seed = static_cast<int>(observer_.phases.size()) + 1;
    LeaveFile(Sample(prepared_));
    script_.faults[operation] = {Error{ErrorCode::kSandbox, "it broke"}};
    auto first = Run(seed);
    ASSERT_TRUE(first) << operation;
    EXPECT_EQ(first->end, TrialEnd::kFailed) << operation;
    EXPECT_EQ(first->view.failure, "it broke") << operation;
    EXPECT_FALSE(fs::exists(Dir(seed) / "verdict.json")) << operation;
    EXPECT_EQ(ReadTrial(Dir(seed), Plan(seed).id, SystemClock()).state, "failed") << operation;
    script_.faults.clear();
    auto second = Run(seed);
    ASSERT_TRUE(second) << operation;
    EXPECT_EQ(second->end, TrialEnd::kDone) << operation;
    EXPECT_EQ(second->view.attempts, 2) << operation;
  }
}

TEST_F(TrialTest, InfrastructureThatFailsTooOftenIsATrialsEnd) {
  LeaveFile(Sample(prepared_));
  for (const char* text : {"one", "two"}) {
    script_.faults["create"] = {Error{ErrorCode::kSandbox, text}};
    EXPECT_EQ(Run()->end, TrialEnd::kFailed);
  }
  script_.faults["create"] = {Error{ErrorCode::kSandbox, "three"}};
  auto last = Run();
  ASSERT_TRUE(last) << last.error().message;
  EXPECT_EQ(last->end, TrialEnd::kExhausted);
  EXPECT_EQ(last->view.state, "exhausted");
  EXPECT_EQ(last->view.outcome(), records::Outcome::kInfrastructureExhausted);
  EXPECT_EQ(last->view.failure, "three");
  EXPECT_EQ(Names(), "attempt failed attempt failed attempt failed exhausted");
  EXPECT_EQ(ReadHistory(run_dir_)->back().event, "exhausted");
  EXPECT_EQ(ReadHistory(run_dir_)->back().why, "three");
  // It never runs again by itself.
  auto again = Run();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->end, TrialEnd::kExhausted);
  EXPECT_THAT(backend_->calls(), testing::IsEmpty());
  EXPECT_EQ(LeaseOwner(Dir(), SystemClock()), "");
}

TEST_F(TrialTest, WhoDiedAfterTheLastFailureLeftATrialThatHasEnded) {
  LeaveFile(Sample(prepared_));
  retries_.infrastructure = 9;
  script_.faults["create"] = {Error{ErrorCode::kSandbox, "one"}};
  ASSERT_EQ(Run()->end, TrialEnd::kFailed);
  retries_.infrastructure = 0;
  auto again = Run();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->end, TrialEnd::kExhausted);
  EXPECT_EQ(Names(), "attempt failed exhausted");
}

TEST_F(TrialTest, WhatWouldFailAgainTheSameWayIsNotTriedAgain) {
  LeaveFile(Sample(prepared_));
  script_.faults["create"] = {Error{ErrorCode::kConfig, "no such thing"}};
  EXPECT_EQ(Run()->end, TrialEnd::kExhausted);
}

TEST_F(TrialTest, WhatTheWholeHostLacksUsesUpNoAttempt) {
  LeaveFile(Sample(prepared_));
  retries_.infrastructure = 0;
  for (int attempt = 1; attempt <= 3; ++attempt) {
    script_.faults["create"] = {Error{ErrorCode::kUnavailable, "no loop device"}};
    auto ended = Run();
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->end, TrialEnd::kHost);
    EXPECT_EQ(ended->host, "no loop device");
    EXPECT_EQ(ended->view.failures, 0);
    EXPECT_EQ(ended->view.state, "failed");
  }
  script_.faults.clear();
  EXPECT_EQ(Run()->end, TrialEnd::kDone);
}

TEST(FailurePolicyTest, PausesGrowAndAreBounded) {
  EXPECT_EQ(PauseAfter(1, Millis(30'000)), Millis(30'000));
  EXPECT_EQ(PauseAfter(3, Millis(30'000)), Millis(120'000));
  EXPECT_EQ(PauseAfter(60, Millis(30'000)), std::chrono::minutes(10));
  EXPECT_EQ(PauseAfter(60, Millis(0)), Millis(0));
}

TEST(FailurePolicyTest, AFullDiskIsTheHosts) {
  TempDir temp = *TempDir::Make("podium-host");
  Error error{ErrorCode::kIo, "broke"};
  EXPECT_EQ(HostTrouble(error, {temp.path(), "/nowhere"}), "");
  EXPECT_EQ(HostTrouble(error, {"/proc"}), "") << "it has no blocks that could be taken";
  error.context.push_back(kHostsLack);
  EXPECT_EQ(HostTrouble(error, {temp.path()}), "broke");
}

TEST_F(TrialTest, RetriedItHasAsManyAttemptsAgain) {
  LeaveFile(Sample(prepared_));
  retries_.infrastructure = 0;
  script_.faults["create"] = {Error{ErrorCode::kSandbox, "one"}};
  ASSERT_EQ(Run()->end, TrialEnd::kExhausted);
  {
    auto lease = Lease::TryTake(Dir(), SystemClock());
    ASSERT_TRUE(lease && *lease);
    Journal::Options options{.lease = (*lease)->number()};
    auto journal = Journal::Open(Dir() / "journal.jsonl", SystemClock(), options);
    ASSERT_TRUE(journal);
    ASSERT_TRUE(journal->Record(records::Retried{.why = "a new disk"}));
  }
  script_.faults.clear();
  auto view = ReadTrial(Dir(), Plan().id, SystemClock());
  EXPECT_FALSE(view.outcome());
  EXPECT_THAT(view.retried, testing::ElementsAre("a new disk"));
  auto again = Run();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->end, TrialEnd::kDone);
  EXPECT_EQ(again->view.outcome(), records::Outcome::kScored);
}

TEST_F(TrialTest, WhatTheAgentBreaksIsItsOwnEnd) {
  LeaveFile(Sample(prepared_));
  Error error{ErrorCode::kSandbox, "PID 1 is gone"};
  error.context.push_back(sandbox::kAgentsFault);
  script_.faults["exec"] = {error};
  auto result = Run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->end, TrialEnd::kDone);
  EXPECT_EQ(result->view.verdict->agent.end, "agent_fault");
  EXPECT_EQ(result->view.verdict->grade.verdict, "no_submission");
}

TEST_F(TrialTest, AScaffoldThatThrowsIsAFailureAndNotTheRunsEnd) {
  UseScaffold();
  work_ = [](agents::TrialContext&) -> Task<Result<agents::AgentOutcome>> {
    throw std::runtime_error("a bug");
    co_return agents::AgentOutcome{};
  };
  auto result = Run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->end, TrialEnd::kFailed);
  EXPECT_THAT(result->view.failure, HasSubstr("a bug"));
}

// A grading that the host failed leaves the seal: the same command grades and works no more.
TEST_F(TrialTest, AfterTheSealOnlyTheGradingIsLeft) {
  LeaveFile(Sample(prepared_));
  grader_.faults = {Error{ErrorCode::kUnavailable, "no memory"}};
  auto first = Run();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->end, TrialEnd::kFailed);
  auto second = Run();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->end, TrialEnd::kDone);
  EXPECT_THAT(backend_->calls(), testing::IsEmpty());
  EXPECT_EQ(second->view.attempts, 1);
  EXPECT_EQ(Names(), "attempt service taken taken sealed failed graded");
}

TEST_F(TrialTest, AVerdictThatACrashToreIsWrittenAnew) {
  LeaveFile(Sample(prepared_));
  ASSERT_TRUE(Run());
  std::string whole = *ReadFile(Dir() / "verdict.json");
  for (std::size_t cut : {std::size_t{0}, whole.size() / 2}) {
    ASSERT_TRUE(WriteFileAtomic(Dir() / "verdict.json", whole.substr(0, cut)));
    auto again = Run();
    ASSERT_TRUE(again);
    EXPECT_EQ(again->end, TrialEnd::kDone);
    EXPECT_EQ(*ReadFile(Dir() / "verdict.json"), whole);
  }
}

TEST_F(TrialTest, StoppedItPausesAndGoesOn) {
  LeaveFile(Sample(prepared_));
  auto quick = work_;
  work_ = [](agents::TrialContext&) -> Task<Result<agents::AgentOutcome>> {
    Deadline late = Deadline::In(std::chrono::hours(1));
    co_await SleepUntil(late);
    co_return agents::AgentOutcome{};
  };
  stop_after_ = Millis(20);
  auto first = Run();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->end, TrialEnd::kPaused);
  EXPECT_EQ(first->view.state, "paused");
  EXPECT_EQ(Names(), "attempt service paused");
  work_ = quick;
  stop_after_ = std::chrono::hours(1);
  auto second = Run();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->end, TrialEnd::kDone);
  EXPECT_EQ(second->view.attempts, 2);
  EXPECT_EQ(Lines().back().lease, 2) << "the second lease's lines carry its number";
}

TEST_F(TrialTest, AnotherProcesssTrialIsNotTouched) {
  LeaveFile(Sample(prepared_));
  fs::create_directories(Dir());
  auto lease = Lease::TryTake(Dir(), SystemClock());
  ASSERT_TRUE(lease && *lease);
  auto result = Run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->end, TrialEnd::kElsewhere);
  EXPECT_FALSE(fs::exists(Dir() / "journal.jsonl"));
}

// A last file that is missing or of the wrong shape gives way to the newest valid snapshot.
TEST_F(TrialTest, ABrokenLastFileFallsBackToTheSnapshot) {
  LeaveFile("not,a,table\n");
  auto leave = work_;
  work_ = [this, leave](agents::TrialContext& context) -> Task<Result<agents::AgentOutcome>> {
    EXPECT_TRUE(WriteFileAtomic(context.trial_dir / "snapshots/last_valid.csv", Sample(prepared_)));
    co_return co_await leave(context);
  };
  ASSERT_TRUE(Run());
  EXPECT_THAT(Names(), HasSubstr("fell_back"));
  EXPECT_EQ(*ReadFile(Dir() / "submission/submission.csv"), Sample(prepared_));
}

TEST_F(TrialTest, AChosenFileIsHandedInWithoutTheSandboxs) {
  UseScaffold(agents::HandsIn::kChosen);
  script_.files[kPath] = "the last candidate\n";
  work_ = [this](agents::TrialContext& context) -> Task<Result<agents::AgentOutcome>> {
    agents::AgentOutcome outcome;
    outcome.submission = context.trial_dir / "snapshots/node_0.csv";
    EXPECT_TRUE(WriteFileAtomic(*outcome.submission, Sample(prepared_)));
    co_return outcome;
  };
  ASSERT_TRUE(Run());
  EXPECT_EQ(*ReadFile(Dir() / "submission/submission.csv"), Sample(prepared_));
}

// task.yaml's submission.path means what it says.
TEST_F(TrialTest, TheSubmissionLiesWhereTheTaskSays) {
  task_.submission.path = "answers.csv";
  LeaveFile(Sample(prepared_));
  script_.exec = [this](sandbox::FakeFiles& files, const sandbox::ExecSpec&) {
    files["/home/submission/answers.csv"] = Sample(prepared_);
    return sandbox::FakeExec{};
  };
  ASSERT_TRUE(Run());
  EXPECT_EQ(*ReadFile(Dir() / "submission/answers.csv"), Sample(prepared_));
  EXPECT_EQ(grader_.asked[0].submission, Dir() / "submission/answers.csv");
  auto lines = Lines();
  EXPECT_EQ(LastOf<records::Sealed>(lines)->file, "answers.csv");
}

}  // namespace
}  // namespace podium::harness
