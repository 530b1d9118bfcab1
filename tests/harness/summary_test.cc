#include "harness/report/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "harness/report/html.h"
#include "harness/report/plots.h"
#include "harness/report/table.h"

namespace podium::harness {
namespace {

using testing::HasSubstr;
using testing::Not;

TrialView Trial(const std::string& agent, int seed, const std::string& verdict,
                const std::string& medal) {
  TrialView t;
  t.id = {*TaskId::Parse("tiny"), *AgentId::Parse(agent), seed};
  t.state = "done";
  records::TrialVerdict whole;
  records::GradeRecord& v = whole.grade;
  v.verdict = verdict;
  v.standing.medal = medal;
  if (verdict == "scored") v.score = 0.5;
  if (verdict == "grader_error") v.reason = "grader_crashed";
  t.verdict = whole;
  return t;
}

TEST(ShareTest, WilsonsIntervalAsPublished) {
  // Agresti & Coull (1998), 95 %: 0 of 10 gives [0, 0.278]; 5 of 10 gives [0.237, 0.763].
  Share none = MakeShare(0, 10), half = MakeShare(5, 10);
  EXPECT_NEAR(none.low, 0, 1e-12);
  EXPECT_NEAR(none.high, 0.2775, 5e-4);
  EXPECT_NEAR(half.low, 0.2366, 5e-4);
  EXPECT_NEAR(half.high, 0.7634, 5e-4);
  EXPECT_EQ(MakeShare(0, 0).high, 1);
}

TEST(SummaryTest, AGradersFailureIsNotTheAgents) {
  RunView run;
  run.trials = {Trial("a", 0, "scored", "gold"), Trial("a", 1, "grader_error", "none"),
                Trial("a", 2, "no_submission", "none")};
  auto agents = SummarizeAgents(run);
  ASSERT_EQ(agents.size(), 1u);
  EXPECT_EQ(agents[0].graded, 2);
  EXPECT_EQ(agents[0].grader_errors, 1);
  EXPECT_EQ(agents[0].gold, 1);
  EXPECT_EQ(agents[0].valid, 1);
}

TEST(SummaryTest, EveryFailureIsNamedWithItsReason) {
  RunView run;
  run.name = "r";
  run.trials = {Trial("a", 0, "grader_error", "none")};
  TrialView broken;
  broken.id = {*TaskId::Parse("tiny"), *AgentId::Parse("b"), 0};
  broken.state = "failed";
  broken.failure = "the disk is gone";
  run.trials.push_back(broken);
  std::string text = SummaryText(run, "bin/podium");
  EXPECT_THAT(text, HasSubstr("grader_crashed"));
  EXPECT_THAT(text, HasSubstr("the disk is gone"));
  auto json = ParseJson(SummaryJson(run), "summary");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["schema"], "podium-summary/1");
}

TEST(TextTableTest, TheLastColumnGoesOnBelowWhereALineHasNoRoom) {
  TextTable table({"name", "what"});
  table.Add({"a", "one two three four five six seven"});
  table.Add({"b", "an-address-that-is-longer-than-the-column"});
  EXPECT_EQ(table.Text(30),
            "name  what\n────  ────────────────────────\na     one two three four five\n"
            "      six seven\nb     an-address-that-is-longer-than-the-column\n");
  EXPECT_EQ(table.Text(20), table.Text()) << "too narrow to be worth it";
}

TEST(TextTableTest, AlignsByCharactersAndLeavesNoTrailingBlanks) {
  TextTable table({"name", "n"}, {false, true});
  table.Add({"é", "1"});
  table.Add({"abcdef", "100"});
  EXPECT_EQ(table.Text(), "name      n\n──────  ───\né         1\nabcdef  100\n");
}

TEST(HtmlTest, WhatAnAgentWroteIsText) {
  EXPECT_EQ(Escape("<script>'\"&"), "&lt;script&gt;&#39;&quot;&amp;");
  RunView run;
  run.name = "r";
  TrialView t = Trial("a", 0, "scored", "gold");
  agents::SearchNode n;
  n.code = "</pre><script>alert(1)</script>";
  n.plan = n.output = n.detail = n.source = n.code;
  t.nodes = {n};
  t.node_times = {Millis(1)};
  run.trials = {t};
  EXPECT_THAT(ReportHtml(run), Not(HasSubstr("<script")));
}

// How often a text is in another.
int Count(const std::string& text, const std::string& part) {
  int n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(PlotsTest, ACrossoverHasALineToEachParent) {
  TrialView t = Trial("a", 0, "scored", "none");
  for (int id = 0; id < 3; ++id) {
    records::SearchNode node;
    node.id = node.step = id;
    node.score = 0.5 + id;
    t.nodes.push_back(node);
  }
  t.nodes[2].op = "crossover";
  t.nodes[2].parents = {1, 0};
  std::string tree = TreePlot(t, false);
  EXPECT_EQ(Count(tree, "class='edge'"), 1);
  EXPECT_EQ(Count(tree, "class='edge crossed'"), 1);
}

TEST(PlotsTest, ScoresOverTimeHaveTheBoardsLinesThatAreNear) {
  TrialView t = Trial("a", 0, "scored", "none");
  records::BoardRecord board;
  board.rows = 10;
  board.lines = {.gold = 0.9, .silver = 0.62, .bronze = 0.6, .median = -50};
  t.verdict->grade.board = board;
  for (int id = 0; id < 2; ++id) {
    records::SearchNode node;
    node.id = node.step = id;
    node.score = 0.5 + 0.1 * id;
    t.nodes.push_back(node);
    t.node_times.push_back(Millis(1000 * (id + 1)));
  }
  std::string plot = TimePlot(t, false);
  EXPECT_THAT(plot, HasSubstr("bronze 0.6"));
  EXPECT_THAT(plot, HasSubstr("silver 0.62"));
  EXPECT_THAT(plot, Not(HasSubstr("gold"))) << "three times the scores' range away";
  EXPECT_THAT(plot, Not(HasSubstr("median")));
}

TEST(PlotsTest, WhatWasSpentIsDrawnOverTime) {
  TrialView t = Trial("a", 0, "scored", "none");
  EXPECT_EQ(SpentPlot(t), "");
  t.spent_by = {{Millis(1000), 100, {}}, {Millis(5000), 700, {}}};
  std::string plot = SpentPlot(t);
  EXPECT_THAT(plot, HasSubstr(">700<"));
  EXPECT_THAT(plot, Not(HasSubstr("dollars")));
  t.spent_by.back().cost = {2'500'000'000'000};
  EXPECT_THAT(SpentPlot(t), HasSubstr("dollars (dashed): 2.5"));
}

TEST(HtmlTest, ToolsAreCounted) {
  RunView run;
  run.name = "r";
  run.trials = {Trial("a", 0, "scored", "none")};
  run.trials[0].tools = {{"bash", {5, 2}}, {"", {1, 0}}};
  std::string page = ReportHtml(run);
  EXPECT_THAT(page, HasSubstr("<td>bash</td><td class='n'>5</td><td class='n'>2</td>"));
  EXPECT_THAT(page, HasSubstr("(talked)"));
}

}  // namespace
}  // namespace podium::harness
