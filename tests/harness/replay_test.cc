#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "harness/replay/compare.h"

namespace podium::harness {
namespace {

using testing::HasSubstr;

records::SearchNode Node() {
  records::SearchNode n;
  n.id = 3;
  n.parents = {1};
  n.op = "improve";
  n.plan = "trees";
  n.code = "a = 1\nb = 2\nc = 3\n";
  n.end = "exited";
  n.exit_code = 0;
  n.output = "fold 1\nfold 2\n";
  n.score = 0.5;
  n.submission_digest = "abc";
  return n;
}

TEST(CompareNodesTest, TimesAndTokensAreNoDifference) {
  auto now = Node();
  now.exec_wall = Millis(7);
  now.tokens.wait = Millis(9);
  now.tokens.calls = 2;
  EXPECT_FALSE(CompareNodes(Node(), now));
}

TEST(CompareNodesTest, TheFirstDifferentLineIsNamed) {
  auto now = Node();
  now.code = "a = 1\nb = 4\nc = 3\n";
  now.output = "other\n";
  auto found = CompareNodes(Node(), now);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->where, "node 3, its program, line 2");
  EXPECT_THAT(found->recorded, HasSubstr("b = 2"));
  EXPECT_THAT(found->now, HasSubstr("b = 4"));
}

TEST(CompareNodesTest, EveryFieldCounts) {
  using Change = std::function<void(records::SearchNode&)>;
  const std::pair<const char*, Change> kChanges[] = {
      {"operator", [](auto& n) { n.op = "draft"; }},
      {"parents", [](auto& n) { n.parents = {0}; }},
      {"plan", [](auto& n) { n.plan = "forest"; }},
      {"ended", [](auto& n) { n.end = "time_limit"; }},
      {"exit code", [](auto& n) { n.exit_code = 1; }},
      {"printed", [](auto& n) { n.output += "x"; }},
      {"score", [](auto& n) { n.score.reset(); }},
      {"submission", [](auto& n) { n.submission_digest = "abd"; }},
      {"does not count", [](auto& n) { n.fault = "exit_1"; }}};
  for (const auto& [where, change] : kChanges) {
    auto now = Node();
    change(now);
    auto found = CompareNodes(Node(), now);
    ASSERT_TRUE(found) << where;
    EXPECT_THAT(found->where, HasSubstr(where));
  }
}

// A program's own inconstancy is told apart from Podium's and from the model's.
TEST(CompareNodesTest, WhatItMeansIsSaid) {
  auto printed = Node(), chosen = Node();
  printed.output = "fold 1\nfold 3\n";
  chosen.parents = {2};
  EXPECT_THAT(CompareNodes(Node(), printed)->meaning, HasSubstr("not do the same twice"));
  EXPECT_THAT(CompareNodes(Node(), chosen)->meaning, HasSubstr("another build"));
}

RecordedTrial Recorded(const std::string& end) {
  RecordedTrial out;
  out.at.id = {*TaskId::Parse("t"), *AgentId::Parse("a"), 0};
  out.plan.cells.push_back({.task = "t", .agent = "a", .wall = Millis(10'000)});
  out.view.verdict.emplace();
  out.view.verdict->agent.end = end;
  out.view.nodes = {Node(), Node()};
  for (int i = 0; i < 2; ++i) {
    auto& node = out.view.nodes[static_cast<std::size_t>(i)];
    node.id = node.step = i;
  }
  out.view.nodes[0].exec_wall = Millis(1'000);
  out.view.nodes[1].end = "time_limit";
  out.view.nodes[1].exec_wall = Millis(5'000);
  out.view.node_times = {Millis(3'000), Millis(9'500)};
  return out;
}

TEST(TimesOfTest, EachStepHasTheTimeThatItHadThen) {
  auto times = TimesOf(Recorded("time_limit"));
  ASSERT_EQ(times.steps.size(), 2u);
  EXPECT_EQ(times.steps[0].left, Millis(10'000));
  EXPECT_EQ(times.steps[1].left, Millis(7'000));
  EXPECT_FALSE(times.steps[0].cut);
  EXPECT_TRUE(times.steps[1].cut);
  EXPECT_EQ(times.end, "time_limit");
  EXPECT_EQ(TimesOf(Recorded("finished")).end, "") << "the search comes to that by itself";
}

// Steps 0 and 1 began together, 1 ended first; 2 began then.
TEST(TimesOfTest, OfSeveralWorkersTheOrderIsKept) {
  RecordedTrial trial = Recorded("finished");
  trial.view.nodes[0].step = 1;
  trial.view.nodes[1].step = 0;
  auto begun = [&](int step, int seen) {
    JournalLine line;
    line.event =
        records::Begun{.step = step, .parents = {}, .op = "draft", .seen = seen, .worker = 0};
    trial.lines.push_back(line);
  };
  begun(0, 0);
  begun(1, 0);
  auto times = TimesOf(trial);
  ASSERT_EQ(times.steps.size(), 2u);
  EXPECT_EQ(times.steps[0].id, 1);
  EXPECT_EQ(times.steps[1].id, 0);
  EXPECT_EQ(times.steps[0].seen, 0);
  EXPECT_EQ(times.steps[0].left, Millis(10'000)) << "it began with the trial";
}

}  // namespace
}  // namespace podium::harness
