#include "harness/store/run_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json.h"
#include "harness/report/html.h"
#include "harness/report/summary.h"
#include "harness/store/index.h"
#include "harness/store/journal.h"
#include "harness/store/lease.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A wall clock that goes on by itself when it is told to.
class HandClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::steady_clock::time_point Now() const override { return {}; }
  [[nodiscard]] std::chrono::system_clock::time_point WallNow() const override { return now; }
  std::chrono::system_clock::time_point now{std::chrono::hours(24 * 365 * 50)};
};

class RunFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    Json lock = {{"trials", {{{"task", "tiny"}, {"agent", "a"}, {"seed", 0}}}}};
    ASSERT_TRUE(WriteFileAtomic(run_ / "lock.json", DumpJson(lock)));
    ASSERT_TRUE(WriteFileAtomic(run_ / "run.yaml", "schema: podium-run/1\n"));
    ASSERT_TRUE(MakeDirs(trial()));
  }
  [[nodiscard]] fs::path trial() const { return RunFolder{run_}.TrialDir(id_); }
  void Record(records::Event event) {
    auto journal = Journal::Open(trial() / "journal.jsonl", clock_);
    ASSERT_TRUE(journal) << journal.error().message;
    ASSERT_TRUE(journal->Record(std::move(event)));
  }
  void Node(int id, int parent) {
    records::SearchNode node;
    node.id = id;
    if (parent != -1) node.parents = {parent};
    node.fault = "exit_1";
    Record(node);
  }
  TrialView Read() { return ReadTrial(trial(), id_, clock_); }

  TempDir temp_ = *TempDir::Make("podium-run-folder");
  fs::path run_ = temp_.path();
  TrialId id_{*TaskId::Parse("tiny"), *AgentId::Parse("a"), 0};
  HandClock clock_;
};

TEST_F(RunFolderTest, WhatBeganAndDidNotEndIsInWork) {
  Record(records::Attempt{.pid = 1});
  for (int step : {0, 1, 2}) Record(records::Begun{.step = step, .op = "draft"});
  Node(0, -1);
  Record(records::Begun{.step = 3, .parents = {0}, .op = "debug", .seen = 1});
  TrialView t = Read();
  ASSERT_EQ(t.in_work.size(), 3u);
  EXPECT_EQ(t.in_work[0].step, 1);
  EXPECT_EQ(t.in_work[2].parents, std::vector<int>{0});
}

TEST_F(RunFolderTest, AStepThatCannotBeginIsAFailureAndNoCrash) {
  for (const records::Begun& begun :
       {records::Begun{.step = -1, .op = "draft"}, records::Begun{.step = 1 << 30, .op = "draft"},
        records::Begun{.step = 1, .parents = {0}, .op = "debug"},
        records::Begun{.step = 1, .parents = {-1}, .op = "debug", .seen = 1},
        records::Begun{.step = 1, .op = "draft", .seen = 2},
        records::Begun{.step = 1, .op = "draft", .seen = -1}}) {
    fs::remove(trial() / "journal.jsonl");
    Record(records::Attempt{.pid = 1});
    Node(0, -1);
    Record(begun);
    TrialView t = Read();
    EXPECT_TRUE(t.in_work.empty());
    EXPECT_THAT(t.failure, HasSubstr("cannot begin after 1 nodes"));
  }
}

// R22: these ended `podium report` by a signal, or never.
TEST_F(RunFolderTest, ATreeThatCannotBeIsAFailureAndNoCrash) {
  for (auto [id, parent] : {std::pair{1, 99'999'999}, {1, 1}, {1, 2}, {1, -2}, {7, 0}}) {
    fs::remove(trial() / "journal.jsonl");
    Record(records::Attempt{.pid = 1});
    Node(0, -1);
    Node(id, parent);
    TrialView t = Read();
    EXPECT_EQ(t.nodes.size(), 1u);
    EXPECT_THAT(t.failure, HasSubstr("cannot be node 1 of a search"));
    auto run = ReadRun(run_, clock_);
    ASSERT_TRUE(run) << run.error().message;
    EXPECT_THAT(ReportHtml(*run), HasSubstr("</html>"));
  }
}

// R24
TEST_F(RunFolderTest, PlantedLinksAreNotFollowed) {
  Record(records::Attempt{.pid = 1});
  for (const char* name : {"lock.json", "run.yaml", "trials", "trials/tiny/a/s0"}) {
    fs::path place = run_ / name, aside = temp_.path() / "aside";
    fs::rename(place, aside);
    fs::create_symlink(aside, place);
    auto run = ReadRun(run_, clock_);
    ASSERT_FALSE(run) << name;
    EXPECT_THAT(run.error().message, HasSubstr("is a symbolic link")) << name;
    fs::remove(place);
    fs::rename(aside, place);
  }
  fs::rename(trial() / "journal.jsonl", temp_.path() / "aside");
  fs::create_symlink(temp_.path() / "aside", trial() / "journal.jsonl");
  EXPECT_THAT(Read().failure, HasSubstr("is a symbolic link"));
  EXPECT_EQ(Read().attempts, 0);
  fs::create_symlink(temp_.path() / "db", run_ / "podium.db");
  EXPECT_FALSE(Index::Open(run_));
  EXPECT_FALSE(fs::exists(temp_.path() / "db"));
}

TEST_F(RunFolderTest, AKilledAttemptHasWorkedAsLongAsItsLeaseSays) {
  Record(records::Attempt{.pid = 1, .used = Millis(1000)});
  {
    auto lease = Lease::TryTake(trial(), clock_);
    ASSERT_TRUE(lease && *lease);
    ASSERT_TRUE((*lease)->Beat({1, std::chrono::hours(23)}));
    EXPECT_EQ(Read().active, Millis(1000) + std::chrono::hours(23));
  }
}

TEST_F(RunFolderTest, TimeInWhichNobodyWorkedDoesNotCount) {
  Record(records::Attempt{.pid = 1});
  clock_.now += std::chrono::hours(30);  // the machine slept
  Record(records::Paused{.worked = Millis(5000)});
  clock_.now += std::chrono::hours(30);
  EXPECT_EQ(Read().active, Millis(5000));
  Record(records::Attempt{.pid = 1, .used = Millis(5000)});
  clock_.now += Millis(700);
  Record(records::Failed{.message = "x", .worked = Millis(600)});
  EXPECT_EQ(Read().active, Millis(5600));
}

TEST_F(RunFolderTest, ABoardIsCalledWhatItsOwnPackageCallsIt) {
  Json lock = {
      {"trials", {{{"task", "tiny"}, {"agent", "a"}, {"seed", 0}}}},
      {"packages",
       {{"tiny", {{"title", "T"}, {"board", "our results"}, {"own", true}, {"folder", "/x y"}}}}}};
  ASSERT_TRUE(WriteFileAtomic(run_ / "lock.json", DumpJson(lock)));
  TrialVerdict verdict;
  verdict.grade.verdict = "scored";
  verdict.grade.score = 1;
  verdict.grade.standing.medal = "gold";
  verdict.grade.board = records::BoardRecord{20, {}};
  ASSERT_TRUE(WriteFileAtomic(trial() / "verdict.json", records::ToText(verdict)));
  auto run = ReadRun(run_, clock_);
  ASSERT_TRUE(run) << run.error().message;
  std::string text = SummaryText(*run, "podium");
  EXPECT_THAT(text, HasSubstr("20 our results (own package)"));
  EXPECT_THAT(text, HasSubstr("run --task '/x y/' --agent"));
}

}  // namespace
}  // namespace podium::harness
