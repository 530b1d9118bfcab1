#include "agents/scaffolds/greedy_policy.h"

#include <gtest/gtest.h>

#include <set>

#include "agents/scaffolds/single_shot_policy.h"

namespace podium::agents {
namespace {

SearchNode Good(std::string_view op, int parent, double score) {
  SearchNode n;
  n.op = op;
  if (parent >= 0) n.parents = {parent};
  n.score = score;
  return n;
}

SearchNode Bad(std::string_view op, int parent) {
  SearchNode n;
  n.op = op;
  if (parent >= 0) n.parents = {parent};
  n.fault = "exit_1";
  return n;
}

GreedySettings Settings(int drafts, double debug_prob, int depth) {
  return {.drafts = drafts, .debug_prob = debug_prob, .max_debug_depth = depth};
}

NextStep ChooseNext(const std::vector<SearchNode>& nodes, GreedySettings settings, bool lower,
                    std::uint64_t seed) {
  auto next = MakeGreedyPolicy(settings)->Next({nodes, lower, seed, 1000});
  EXPECT_TRUE(next);
  return next.value_or(NextStep{});
}

int ParentOf(const NextStep& step) { return step.parents.empty() ? -1 : step.parents.front(); }

TEST(GreedyPolicyTest, DraftsFirst) {
  std::vector<SearchNode> nodes;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ChooseNext(nodes, Settings(3, 1, 3), false, 0).op, kDraft);
    nodes.push_back(Bad(kDraft, -1));
  }
  EXPECT_EQ(ChooseNext(nodes, Settings(3, 1, 3), false, 0).op, kDebug);
}

TEST(GreedyPolicyTest, ImprovesTheBestOfItsDirection) {
  std::vector<SearchNode> nodes = {Good(kDraft, -1, 0.5), Good(kDraft, -1, 0.9)};
  EXPECT_EQ(ParentOf(ChooseNext(nodes, Settings(2, 1, 3), false, 0)), 1);
  EXPECT_EQ(ParentOf(ChooseNext(nodes, Settings(2, 1, 3), true, 0)), 0);
  EXPECT_EQ(ChooseNext(nodes, Settings(2, 1, 3), true, 0).op, kImprove);
}

TEST(GreedyPolicyTest, DebugsOnlyFailedLeavesWithinTheDepth) {
  std::vector<SearchNode> nodes = {Bad(kDraft, -1), Good(kDraft, -1, 1)};
  for (int parent : {0, 2, 3}) {
    auto next = ChooseNext(nodes, Settings(2, 1, 3), false, 5);
    ASSERT_EQ(next.op, kDebug);
    EXPECT_EQ(ParentOf(next), parent);
    nodes.push_back(Bad(kDebug, ParentOf(next)));
  }
  EXPECT_EQ(DebugDepth(nodes, 4), 3);
  EXPECT_EQ(ChooseNext(nodes, Settings(2, 1, 3), false, 5).op, kDebug)
      << "a chain of three may be debugged once more";
  nodes.push_back(Bad(kDebug, 4));
  EXPECT_EQ(ChooseNext(nodes, Settings(2, 1, 3), false, 5).op, kImprove);
}

TEST(GreedyPolicyTest, WithoutDebuggingAndAGoodNodeItDraftsAgain) {
  std::vector<SearchNode> nodes = {Bad(kDraft, -1)};
  EXPECT_EQ(ChooseNext(nodes, Settings(1, 0, 3), false, 0).op, kDraft);
}

TEST(GreedyPolicyTest, TheDrawDependsOnSeedAndNodeCountAlone) {
  std::vector<SearchNode> nodes = {Bad(kDraft, -1), Good(kDraft, -1, 1)};
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 64; ++seed) {
    auto a = ChooseNext(nodes, Settings(2, 0.5, 3), false, seed);
    auto b = ChooseNext(nodes, Settings(2, 0.5, 3), false, seed);
    EXPECT_EQ(a.op, b.op);
    seen.insert(a.op);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"debug", "improve"}));
}

TEST(BestNodeTest, OfEqualsTheFirstAndNeverAFailedOne) {
  std::vector<SearchNode> nodes = {Bad(kDraft, -1), Good(kDraft, -1, 1), Good(kDraft, -1, 1)};
  nodes[0].score = 9;
  EXPECT_EQ(BestNode(nodes, false), 1);
  EXPECT_EQ(BestNode({}, false), -1);
}

TEST(GreedyPolicyTest, EndsWithItsNodes) {
  std::vector<SearchNode> nodes(3);
  auto policy = MakeGreedyPolicy({});
  EXPECT_TRUE(policy->Next({nodes, false, 0, 4}));
  EXPECT_FALSE(policy->Next({nodes, false, 0, 3}));
}

TEST(SingleShotPolicyTest, IsOneDraft) {
  auto policy = MakeSingleShotPolicy();
  EXPECT_EQ(policy->Next({{}, false, 0, 8}), NextStep{});
  EXPECT_FALSE(policy->Next({{Bad(kDraft, -1)}, false, 0, 8}));
}

TEST(ChosenNodeTest, WithoutAScoreTheNewestOfTheRightShape) {
  std::vector<SearchNode> nodes = {Bad(kDraft, -1), Bad(kDraft, -1), Bad(kDraft, -1)};
  EXPECT_EQ(ChosenNode(nodes, false), -1);
  nodes[0].fault = nodes[1].fault = "no_score";
  EXPECT_EQ(ChosenNode(nodes, false), 1);
  nodes.push_back(Good(kImprove, 0, 0.1));
  EXPECT_EQ(ChosenNode(nodes, false), 3);
}

TEST(ChosenNodeTest, TheLastThatCountsWhereItIsAskedFor) {
  std::vector<SearchNode> nodes = {Good(kDraft, -1, 0.9), Good(kImprove, 0, 0.1), Bad(kImprove, 0)};
  EXPECT_EQ(ChosenNode(nodes, false), 0);
  EXPECT_EQ(ChosenNode(nodes, false, Selection::kLast), 1);
  nodes[2].fault = "no_score";
  EXPECT_EQ(ChosenNode(nodes, false, Selection::kLast), 1);
  nodes = {Bad(kDraft, -1)};
  nodes[0].fault = "no_score";
  EXPECT_EQ(ChosenNode(nodes, false, Selection::kLast), 0);
}

TEST(OperatorTest, PoliciesNameOperatorsThatExistWithAsManyParents) {
  std::vector<SearchNode> nodes = {Bad(kDraft, -1), Good(kDraft, -1, 1)};
  auto policy = MakeGreedyPolicy(Settings(2, 0.5, 3));
  for (std::uint64_t seed = 0; seed < 64; ++seed) {
    auto next = policy->Next({nodes, false, seed, 9});
    const Operator* op = FindOperator(next->op);
    ASSERT_NE(op, nullptr) << next->op;
    EXPECT_GE(static_cast<int>(next->parents.size()), op->least_parents);
    EXPECT_LE(static_cast<int>(next->parents.size()), op->most_parents);
  }
  EXPECT_EQ(FindOperator("crossed"), nullptr);
}

SearchNode Counting(double score, std::string_view op = kDraft) {
  SearchNode node;
  node.op = op;
  node.score = score;
  return node;
}

TEST(SelectionTest, AnEnsembleStandsWhereItIsNoWorseThanTheBest) {
  std::vector<SearchNode> nodes = {Counting(0.5), Counting(0.7), Counting(0.7, kEnsemble)};
  EXPECT_EQ(ChosenNode(nodes, false, Selection::kJoined), 2) << "as good as the best";
  EXPECT_EQ(ChosenNode(nodes, true, Selection::kJoined), 0) << "worse: the best stands";
  nodes[2].fault = "exit_1";
  EXPECT_EQ(ChosenNode(nodes, false, Selection::kJoined), 1);
}

TEST(SelectionTest, HiddenRowsChooseWhateverTheValidationSays) {
  std::vector<SearchNode> nodes = {Counting(0.5), Counting(0.9), Counting(0.7)};
  nodes[0].choice_score = 0.8;
  nodes[1].choice_score = 0.6;
  EXPECT_EQ(ChosenNode(nodes, false, Selection::kHidden), 0);
  EXPECT_EQ(ChosenNode(nodes, true, Selection::kHidden), 1);
  nodes[0].choice_score.reset();
  nodes[1].choice_score.reset();
  EXPECT_EQ(ChosenNode(nodes, false, Selection::kHidden), 1) << "none has one: the best";
}

TEST(SelectionTest, TheBestAreInOrderAndOfEqualsTheFirst) {
  std::vector<SearchNode> nodes = {Counting(0.5), Counting(0.7), Counting(0.7), Counting(0.6)};
  nodes.push_back(Counting(0.9));
  nodes[4].fault = "no_score";
  EXPECT_EQ(BestNodes(nodes, false, 3), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(BestNodes(nodes, true, 2), (std::vector<int>{0, 3}));
}

}  // namespace
}  // namespace podium::agents
