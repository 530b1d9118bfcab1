#include "agents/scaffolds/greedy_policy.h"

#include <gtest/gtest.h>

#include <set>

namespace podium::agents {
namespace {

SearchNode Good(Operator op, int parent, double score) {
  SearchNode n;
  n.op = op;
  n.parent = parent;
  n.score = score;
  return n;
}

SearchNode Bad(Operator op, int parent) {
  SearchNode n;
  n.op = op;
  n.parent = parent;
  n.fault = "exit_1";
  return n;
}

SearchSettings Settings(int drafts, double debug_prob, int depth) {
  return {.drafts = drafts, .debug_prob = debug_prob, .max_debug_depth = depth};
}

TEST(GreedyPolicyTest, DraftsFirst) {
  std::vector<SearchNode> nodes;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ChooseNext(nodes, Settings(3, 1, 3), false, 0).op, Operator::kDraft);
    nodes.push_back(Bad(Operator::kDraft, -1));
  }
  EXPECT_EQ(ChooseNext(nodes, Settings(3, 1, 3), false, 0).op, Operator::kDebug);
}

TEST(GreedyPolicyTest, ImprovesTheBestOfItsDirection) {
  std::vector<SearchNode> nodes = {Good(Operator::kDraft, -1, 0.5),
                                   Good(Operator::kDraft, -1, 0.9)};
  EXPECT_EQ(ChooseNext(nodes, Settings(2, 1, 3), false, 0).parent, 1);
  EXPECT_EQ(ChooseNext(nodes, Settings(2, 1, 3), true, 0).parent, 0);
  EXPECT_EQ(ChooseNext(nodes, Settings(2, 1, 3), true, 0).op, Operator::kImprove);
}

TEST(GreedyPolicyTest, DebugsOnlyFailedLeavesWithinTheDepth) {
  std::vector<SearchNode> nodes = {Bad(Operator::kDraft, -1), Good(Operator::kDraft, -1, 1)};
  for (int parent : {0, 2, 3}) {
    auto next = ChooseNext(nodes, Settings(2, 1, 3), false, 5);
    ASSERT_EQ(next.op, Operator::kDebug);
    EXPECT_EQ(next.parent, parent);
    nodes.push_back(Bad(Operator::kDebug, next.parent));
  }
  EXPECT_EQ(DebugDepth(nodes, 4), 3);
  EXPECT_EQ(ChooseNext(nodes, Settings(2, 1, 3), false, 5).op, Operator::kDebug)
      << "a chain of three may be debugged once more";
  nodes.push_back(Bad(Operator::kDebug, 4));
  EXPECT_EQ(ChooseNext(nodes, Settings(2, 1, 3), false, 5).op, Operator::kImprove);
}

TEST(GreedyPolicyTest, WithoutDebuggingAndAGoodNodeItDraftsAgain) {
  std::vector<SearchNode> nodes = {Bad(Operator::kDraft, -1)};
  EXPECT_EQ(ChooseNext(nodes, Settings(1, 0, 3), false, 0).op, Operator::kDraft);
}

TEST(GreedyPolicyTest, TheDrawDependsOnSeedAndNodeCountAlone) {
  std::vector<SearchNode> nodes = {Bad(Operator::kDraft, -1), Good(Operator::kDraft, -1, 1)};
  std::set<Operator> seen;
  for (std::uint64_t seed = 0; seed < 64; ++seed) {
    auto a = ChooseNext(nodes, Settings(2, 0.5, 3), false, seed);
    auto b = ChooseNext(nodes, Settings(2, 0.5, 3), false, seed);
    EXPECT_EQ(a.op, b.op);
    seen.insert(a.op);
  }
  EXPECT_EQ(seen, (std::set{Operator::kDebug, Operator::kImprove}));
}

TEST(BestNodeTest, OfEqualsTheFirstAndNeverAFailedOne) {
  std::vector<SearchNode> nodes = {Bad(Operator::kDraft, -1), Good(Operator::kDraft, -1, 1),
                                   Good(Operator::kDraft, -1, 1)};
  nodes[0].score = 9;
  EXPECT_EQ(BestNode(nodes, false), 1);
  EXPECT_EQ(BestNode({}, false), -1);
}

TEST(SearchNodeTest, SurvivesTheJournal) {
  SearchNode n = Good(Operator::kImprove, 3, 0.25);
  n.id = 4;
  n.source = "model";
  n.code = "print('\xc3\xa9')\n";
  n.end = "exited";
  n.exit_code = 0;
  n.exec_wall = Millis(1234);
  n.tokens = {10, 20, 2, Millis(99)};
  n.submission_digest = "abc";
  auto back = NodeFromJson(NodeToJson(n));
  ASSERT_TRUE(back);
  EXPECT_EQ(NodeToJson(*back), NodeToJson(n));
  EXPECT_EQ(back->tokens.wait, Millis(99));
  EXPECT_FALSE(NodeFromJson("{}"));
}

}  // namespace
}  // namespace podium::agents
