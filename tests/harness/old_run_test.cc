// A run folder as Podium 0.1 wrote it before its records had a schema's number in each line: kept
// as it was, and read by today's program. (`podium run` of nop, oracle, sample-submission and a
// greedy search of two nodes on coil2000-caravan; the search's first attempt had no templates.)
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json.h"
#include "harness/grading/verify.h"
#include "harness/report/html.h"
#include "harness/report/summary.h"
#include "harness/store/history.h"
#include "harness/store/lease.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const fs::path kRun = fs::path(PODIUM_SOURCE_DIR) / "tests/harness/old_run";

TEST(OldRunTest, EveryTrialIsReadWithItsVerdict) {
  auto run = ReadRun(kRun, SystemClock());
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_THAT(run->flags, testing::IsEmpty());
  ASSERT_EQ(run->trials.size(), 4u);
  for (const auto& t : run->trials) {
    EXPECT_EQ(t.state, "done") << t.id.str() << ": " << t.failure;
    ASSERT_TRUE(t.verdict);
    EXPECT_THAT(t.last_event, testing::StartsWith("graded 2026-11-"));
  }
  EXPECT_EQ(run->trials[0].verdict->grade.verdict, "no_submission");
  EXPECT_EQ(run->trials[1].verdict->grade.standing.medal, "gold");
  const auto& sample = run->trials[2];
  EXPECT_DOUBLE_EQ(*sample.verdict->grade.score, 47.6);
  ASSERT_TRUE(sample.verdict->isolation);
  EXPECT_THAT(sample.verdict->isolation->backend, HasSubstr("runc"));
  const auto& search = run->trials[3];
  EXPECT_EQ(search.attempts, 2);
  ASSERT_EQ(search.nodes.size(), 2u);
  EXPECT_EQ(search.nodes[0].op, "draft");
  EXPECT_TRUE(search.nodes[1].parents.empty());
  EXPECT_GT(search.nodes[1].exec_wall, Millis(1000));
  EXPECT_GT(search.active, search.nodes[1].exec_wall);
}

TEST(OldRunTest, ItsReportIsMade) {
  auto run = ReadRun(kRun, SystemClock());
  ASSERT_TRUE(run);
  EXPECT_THAT(ReportHtml(*run), HasSubstr("</html>"));
  auto summary = ParseJson(SummaryJson(*run), "summary");
  ASSERT_TRUE(summary);
  EXPECT_EQ((*summary)["trials"].size(), 4u);
  EXPECT_EQ((*summary)["trials"][3]["verdict"]["grade"]["score"], 105.0);
}

TEST(OldRunTest, ItsHistorysChainHolds) {
  auto lines = ReadHistory(kRun);
  ASSERT_TRUE(lines) << lines.error().message;
  EXPECT_EQ(lines->size(), 9u);
  auto run = ReadRun(kRun, SystemClock());
  ASSERT_TRUE(run);
  for (const auto& t : run->trials) {
    auto sealed = SealedDigest(t.dir / "journal.jsonl");
    ASSERT_TRUE(sealed);
    EXPECT_EQ(std::ranges::count(*lines, sealed->hex(), &HistoryLine::journal_sha256), 1);
  }
}

// Going on with it adds to what is there.
TEST(OldRunTest, ItsJournalsAndLeasesAreContinued) {
  TempDir temp = *TempDir::Make("podium-old-run");
  fs::path trial = temp.path() / "trial";
  fs::copy(kRun / "trials/coil2000-caravan/portfolio-greedy/s0", trial,
           fs::copy_options::recursive);
  auto lease = Lease::TryTake(trial, SystemClock());
  ASSERT_TRUE(lease && *lease);
  EXPECT_EQ((*lease)->number(), 1);
  auto journal = Journal::Open(trial / "journal.jsonl", SystemClock(), {.lease = 1});
  ASSERT_TRUE(journal) << journal.error().message;
  auto before = journal->lines().size();
  ASSERT_TRUE(journal->Record(records::Attempt{.pid = 1}));
  auto lines = ReadJournal(trial / "journal.jsonl");
  ASSERT_TRUE(lines) << lines.error().message;
  EXPECT_EQ(lines->size(), before + 1);
  EXPECT_EQ(lines->back().number, static_cast<std::int64_t>(before) + 1);
}

}  // namespace
}  // namespace podium::harness
