// Node sequences of the policies against tables that were computed by hand from their formulas.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>

#include "agents/scaffolds/chain_policy.h"
#include "agents/scaffolds/evolution_policy.h"
#include "agents/scaffolds/greedy_policy.h"
#include "agents/scaffolds/mcts_policy.h"
#include "agents/scaffolds/single_shot_policy.h"

namespace podium::agents {
namespace {

constexpr double kBad = -1e9;  // a program that fails

// What a policy must do next, and how the program then fares.
struct Row {
  std::string_view op;
  std::vector<int> parents;
  double score;
};

SearchNode NodeOf(const Row& row) {
  SearchNode node;
  node.op = row.op;
  node.parents = row.parents;
  if (row.score == kBad) {
    node.fault = "exit_1";
  } else {
    node.score = row.score;
  }
  return node;
}

// Each step is asked of a policy made anew, as after an interruption. Then the search must end.
void ExpectSequence(const std::function<std::unique_ptr<Policy>()>& make,
                    const std::vector<Row>& table, std::uint64_t seed, bool lower_is_better) {
  std::vector<SearchNode> nodes;
  int count = static_cast<int>(table.size());
  for (const Row& row : table) {
    auto next = make()->Next({nodes, lower_is_better, seed, count});
    ASSERT_TRUE(next) << "node " << nodes.size();
    EXPECT_EQ(next->op, row.op) << "node " << nodes.size();
    EXPECT_EQ(next->parents, row.parents) << "node " << nodes.size();
    nodes.push_back(NodeOf(row));
    if (lower_is_better && nodes.back().score) nodes.back().score = -*nodes.back().score;
  }
  EXPECT_FALSE(make()->Next({nodes, lower_is_better, seed, count}));
}

void ExpectSequenceBothWays(const std::function<std::unique_ptr<Policy>()>& make,
                            const std::vector<Row>& table, std::uint64_t seed) {
  ExpectSequence(make, table, seed, false);
  ExpectSequence(make, table, seed, true);
}

// u: SplitMix64's word of (seed 7, n nodes) as a fraction; debug where u < 0.5. The next word
// modulo the number of failed leaves chooses one. Ties of the best: the first.
TEST(GreedySequenceTest, AideUpstreamsSettings) {
  GreedySettings upstream{.drafts = 5, .debug_prob = 0.5, .max_debug_depth = 3};
  ExpectSequenceBothWays([&] { return MakeGreedyPolicy(upstream); },
                         {{"draft", {}, kBad},
                          {"draft", {}, 0.6},
                          {"draft", {}, kBad},
                          {"draft", {}, 0.6},
                          {"draft", {}, kBad},
                          {"improve", {1}, kBad},  // u 0.8385; 1 and 3 are equal
                          {"debug", {5}, kBad},    // u 0.4429; of 0 2 4 5 number 3
                          {"improve", {1}, 0.7},   // u 0.5170
                          {"debug", {4}, 0.8},     // u 0.2291; of 0 2 4 6 number 2
                          {"improve", {8}, kBad},  // u 0.5276
                          {"improve", {8}, 0.8},   // u 0.5347
                          {"debug", {2}, kBad},    // u 0.1258; of 0 2 6 9 number 1
                          {"improve", {8}, 0.1}},  // u 0.5521; 8 and 10 are equal
                         7);
}

// MLE-bench's: always debug, at most 20 debug ancestors, so that a chain holds 21.
TEST(GreedySequenceTest, MleBenchsDebugDepthIsInclusive) {
  GreedySettings mle_bench{.drafts = 5, .debug_prob = 1, .max_debug_depth = 20};
  std::vector<Row> table = {{"draft", {}, kBad}};
  for (int i = 0; i < 4; ++i) table.push_back({"draft", {}, 0.5});
  table.push_back({"debug", {0}, kBad});
  for (int i = 5; i < 25; ++i) table.push_back({"debug", {i}, kBad});
  table.push_back({"improve", {1}, 0.5});
  ASSERT_EQ(table.size(), 5u + 21 + 1);
  ExpectSequenceBothWays([&] { return MakeGreedyPolicy(mle_bench); }, table, 0);
}

TEST(ChainSequenceTest, DebugsThenDraftsAfreshAndImprovesTheLast) {
  ExpectSequenceBothWays([] { return MakeChainPolicy(1); },
                         {{"draft", {}, kBad},
                          {"debug", {0}, kBad},  // depth of 0 is 0 <= 1
                          {"debug", {1}, kBad},  // depth of 1 is 1 <= 1
                          {"draft", {}, 0.5},    // depth of 2 is 2
                          {"improve", {3}, kBad},
                          {"debug", {4}, 0.4},
                          {"improve", {5}, 0.9},  // the last, not the best
                          {"improve", {6}, 0.1}},
                         0);
}

MctsSettings SmallTree(double c) {
  return {.drafts = 2, .children = 2, .uct_c = c, .decay = {}, .max_debug_depth = 1};
}

// U = Q + c sqrt(ln N_p / N), c = 0.25, scores scaled over all so far. Candidates: A = node 0,
// B = 1 and its debugged 2, C = 3, D = 4, E = 5 6 7 (dead), F = 8.
TEST(MctsSequenceTest, Exploits) {
  ExpectSequenceBothWays(
      [] { return MakeMctsPolicy(SmallTree(0.25)); },
      {{"draft", {}, 0.5},
       {"draft", {}, kBad},
       {"debug", {1}, 0.7},
       // Scale 0.5..0.7. N: root 2. U(A) = 0 + 0.25 sqrt(ln 2) = 0.208; U(B) = 1 + 0.208.
       {"improve", {2}, 0.6},
       {"improve", {2}, 0.9},
       // Scale 0.5..0.9: A 0, B 0.5, C 0.25, D 1. N: root 4, B 3. Q(B) = 1.75 / 3 = 0.583.
       // U(A) = 0.25 sqrt(ln 4) = 0.294; U(B) = 0.583 + 0.25 sqrt(ln 4 / 3) = 0.753.
       // U(C) = 0.25 + 0.25 sqrt(ln 3) = 0.512; U(D) = 1.262.
       {"improve", {4}, kBad},
       {"debug", {5}, kBad},
       {"debug", {6}, kBad},  // depth of 6 is 1 <= 1; then E has failed
       {"improve", {4}, 0.8},
       // F 0.75, E 0. N: root 6, B 5, D 3. Q(B) = 2.5 / 5; Q(D) = 1.75 / 3 = 0.583.
       // U(A) = 0.25 sqrt(ln 6) = 0.335; U(B) = 0.5 + 0.25 sqrt(ln 6 / 5) = 0.650.
       // U(C) = 0.25 + 0.25 sqrt(ln 5) = 0.567; U(D) = 0.583 + 0.25 sqrt(ln 5 / 3) = 0.766.
       // Of D's children only F can be expanded.
       {"improve", {8}, 0.5},
       {"improve", {8}, 0.5}},
      0);
}

// The same with c = 2 turns to A after D: U(A) = 2 sqrt(ln 4) = 2.355, U(B) = 0.583 + 2 * 0.680 =
// 1.943.
TEST(MctsSequenceTest, ExploresWithAGreaterConstant) {
  ExpectSequenceBothWays([] { return MakeMctsPolicy(SmallTree(2)); },
                         {{"draft", {}, 0.5},
                          {"draft", {}, kBad},
                          {"debug", {1}, 0.7},
                          {"improve", {2}, 0.6},
                          {"improve", {2}, 0.9},
                          {"improve", {0}, 0.5},
                          {"improve", {0}, 0.5}},
                         0);
}

TEST(MctsSequenceTest, DraftsAgainWhereNothingCanBeExpanded) {
  ExpectSequenceBothWays([] { return MakeMctsPolicy(SmallTree(0.25)); },
                         {{"draft", {}, kBad},
                          {"debug", {0}, kBad},
                          {"debug", {1}, kBad},
                          {"draft", {}, kBad},
                          {"debug", {3}, kBad},
                          {"debug", {4}, kBad},
                          {"draft", {}, 0.3},
                          {"draft", {}, 0.2},
                          {"improve", {6}, 0.1}},  // 1 against 0, and both visited once
                         0);
}

// ML-Master: 1.414 up to 30 % of the nodes, then 0.01 less a node, at least 0.5, and 0.5 from 70 %.
TEST(MctsPolicyTest, MlMastersConstantFalls) {
  MctsSettings s{.uct_c = 1.414, .decay = {.alpha = 0.01, .floor = 0.5}};
  EXPECT_DOUBLE_EQ(ExplorationConstant(s, 0, 100), 1.414);
  EXPECT_DOUBLE_EQ(ExplorationConstant(s, 29, 100), 1.414);
  EXPECT_NEAR(ExplorationConstant(s, 50, 100), 1.414 - 0.2, 1e-12);
  EXPECT_NEAR(ExplorationConstant(s, 70, 100), 1.414 - 0.4, 1e-12);
  EXPECT_DOUBLE_EQ(ExplorationConstant(s, 71, 100), 0.5);
  EXPECT_DOUBLE_EQ(ExplorationConstant(s, 300, 500), 0.5) << "150 nodes * 0.01 below 1.414";
  EXPECT_DOUBLE_EQ(ExplorationConstant({.uct_c = 0.25}, 99, 100), 0.25);
}

// u0 < 0.5 crosses from generation 2 on; u1 and u2, times the sum of the members' e^fitness, fall
// on a parent. Members: A = 0 and its debugged 1, B = 2, D = 4, F = 8, G = 9; C = 3 and E = 5 6 7
// do not join.
TEST(EvolutionSequenceTest, ImprovesAndCrosses) {
  EvolutionSettings s{.per_generation = 2, .max_debug_depth = 1};
  ExpectSequenceBothWays([&] { return MakeEvolutionPolicy(s); },
                         {{"draft", {}, kBad},
                          {"debug", {0}, 0.4},
                          {"draft", {}, 0.6},
                          // Generation 1. Weights A 1, B 2.718; u1 0.1630 * 3.718 = 0.606: A.
                          {"improve", {1}, 0.45},  // below the mean of 0.4 and 0.6: C is not kept
                          // u1 0.0438 * 3.718 = 0.163: A.
                          {"improve", {1}, 0.5},  // equal to the mean: D joins
                          // Generation 2. u0 0.3423: cross. A 1, B 2.718, D e^0.5 = 1.649; u1
                          // 0.2769 * 5.367 = 1.486: B. Without B: u2 0.3476 * 2.649 = 0.921: A.
                          {"crossover", {2, 1}, kBad},
                          {"debug", {5}, kBad},
                          {"debug", {6}, kBad},
                          // u0 0.5254: improve. u1 0.3218 * 5.367 = 1.727: B.
                          {"improve", {2}, 0.9},
                          // Generation 3. u0 0.7448: improve. A 1, B e^0.4 = 1.492, D e^0.2
                          // = 1.221, F 2.718; u1 0.2285 * 6.431 = 1.470: B.
                          {"improve", {2}, 0.7},
                          // u0 0.7392: improve. G e^0.6 = 1.822; u1 0.0814 * 8.254 = 0.672: A.
                          {"improve", {1}, 0.1}},
                         3);
}

TEST(EvolutionPolicyTest, EndsWithItsGenerations) {
  EvolutionSettings s{.per_generation = 1, .generations = 2};
  auto policy = MakeEvolutionPolicy(s);
  std::vector<SearchNode> nodes = {NodeOf({"draft", {}, 0.5})};
  EXPECT_TRUE(policy->Next({nodes, false, 0, 100}));
  nodes.push_back(NodeOf({"improve", {0}, 0.6}));
  EXPECT_FALSE(policy->Next({nodes, false, 0, 100}));
}

// Two islands of one individual: node 0 is the first's, node 1 the second's.
TEST(EvolutionPolicyTest, IslandsMeetByMigrationAlone) {
  std::vector<SearchNode> nodes = {NodeOf({"draft", {}, 0.4}), NodeOf({"draft", {}, 0.6})};
  for (double migration : {0.0, 1.0}) {
    EvolutionSettings s{.per_generation = 1, .islands = 2, .migration_prob = migration};
    std::set<int> parents;
    for (std::uint64_t seed = 0; seed < 64; ++seed) {
      auto next = MakeEvolutionPolicy(s)->Next({nodes, false, seed, 100});
      ASSERT_TRUE(next);
      parents.insert(next->parents.at(0));
    }
    EXPECT_EQ(parents, migration == 0 ? std::set<int>{0} : (std::set<int>{0, 1}));
  }
}

TEST(EvolutionPolicyTest, TheWorstLeaveAFullIsland) {
  EvolutionSettings s{.per_generation = 3, .island_size = 1};
  std::vector<SearchNode> nodes = {NodeOf({"draft", {}, 0.4}), NodeOf({"draft", {}, 0.6}),
                                   NodeOf({"draft", {}, 0.5})};
  for (std::uint64_t seed = 0; seed < 32; ++seed) {
    auto next = MakeEvolutionPolicy(s)->Next({nodes, false, seed, 100});
    EXPECT_EQ(next, (NextStep{"improve", {1}}));
  }
}

// What several workers ask of a policy and in which order their nodes end, as a script says.
class AtWork {
 public:
  AtWork(std::unique_ptr<Policy> policy, std::uint64_t seed = 0, int max_nodes = 100)
      : policy_(std::move(policy)), seed_(seed), max_nodes_(max_nodes) {}

  // A free worker asks, and begins.
  std::optional<NextStep> Ask() {
    auto next = policy_->Next(State());
    if (!next) return next;
    SearchNode node;
    node.op = next->op;
    node.parents = next->parents;
    node.step = steps_++;
    in_work_.push_back(std::move(node));
    return next;
  }

  void End(int step, double score) {
    auto ended = std::ranges::find(in_work_, step, &SearchNode::step);
    SearchNode node = NodeOf({ended->op, ended->parents, score});
    node.id = static_cast<int>(nodes_.size());
    node.step = step;
    in_work_.erase(ended);
    nodes_.push_back(std::move(node));
  }

  [[nodiscard]] bool MayGrow(int node) const { return policy_->MayGrow(State(), node); }

 private:
  [[nodiscard]] SearchState State() const {
    return {nodes_, false, seed_, max_nodes_, in_work_, steps_};
  }

  std::unique_ptr<Policy> policy_;
  std::uint64_t seed_;
  int max_nodes_;
  int steps_ = 0;
  std::vector<SearchNode> nodes_, in_work_;
};

const NextStep kADraft{"draft", {}};
NextStep Debug(int parent) { return {"debug", {parent}}; }
NextStep Improve(int parent) { return {"improve", {parent}}; }

TEST(GreedyAtWorkTest, DraftsInWorkCountAndALeafIsDebuggedOnce) {
  AtWork work(MakeGreedyPolicy({.drafts = 2, .debug_prob = 1, .max_debug_depth = 1}));
  EXPECT_EQ(work.Ask(), kADraft);
  EXPECT_EQ(work.Ask(), kADraft);
  EXPECT_EQ(work.Ask(), kADraft) << "nothing counts yet";
  work.End(1, kBad);
  EXPECT_EQ(work.Ask(), Debug(0));
  work.End(0, kBad);
  EXPECT_EQ(work.Ask(), Debug(1)) << "somebody is at 0";
  work.End(2, 0.5);
  EXPECT_EQ(work.Ask(), Improve(2)) << "somebody is at both";
  work.End(4, kBad);
  EXPECT_EQ(work.Ask(), Debug(3));
  EXPECT_TRUE(work.MayGrow(2));
  EXPECT_FALSE(work.MayGrow(3)) << "it has a child already";
}

// The table of AideUpstreamsSettings, whose steps 5 and 6 here are in work together.
TEST(GreedyAtWorkTest, TheDrawIsTheStepsOwn) {
  AtWork work(MakeGreedyPolicy({.drafts = 5, .debug_prob = 0.5, .max_debug_depth = 3}), 7);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(work.Ask(), kADraft);
  for (int step : {0, 1, 2, 3, 4}) work.End(step, step % 2 ? 0.6 : kBad);
  EXPECT_EQ(work.Ask(), Improve(1)) << "u(5) = 0.8385";
  EXPECT_EQ(work.Ask(), Debug(0)) << "u(6) = 0.4429; of 0 2 4 number 0";
  EXPECT_EQ(work.Ask(), Improve(1)) << "u(7) = 0.5170";
}

TEST(GreedyAtWorkTest, NodesInWorkAreOfTheBudget) {
  AtWork work(MakeGreedyPolicy({.drafts = 1}), 0, 2);
  EXPECT_TRUE(work.Ask());
  EXPECT_TRUE(work.Ask());
  EXPECT_FALSE(work.Ask());
  work.End(0, 0.5);
  EXPECT_FALSE(work.Ask());
}

TEST(ChainAtWorkTest, HasOneNodeInWork) {
  AtWork work(MakeChainPolicy(1));
  EXPECT_EQ(work.Ask(), kADraft);
  EXPECT_FALSE(work.Ask());
  work.End(0, 0.5);
  EXPECT_EQ(work.Ask(), Improve(0));
}

TEST(MctsAtWorkTest, WaitsWhereNothingCanBeExpandedYet) {
  AtWork work(MakeMctsPolicy(SmallTree(0.25)));
  EXPECT_EQ(work.Ask(), kADraft);
  EXPECT_EQ(work.Ask(), kADraft);
  EXPECT_FALSE(work.Ask()) << "both children of the root are in work";
  work.End(0, 0.5);
  EXPECT_EQ(work.Ask(), Improve(0));
  EXPECT_EQ(work.Ask(), Improve(0)) << "the rest of its children";
  EXPECT_FALSE(work.Ask());
  work.End(1, kBad);
  EXPECT_EQ(work.Ask(), Debug(1));
  EXPECT_FALSE(work.Ask()) << "a node is debugged once";
  work.End(2, 0.7);
  EXPECT_EQ(work.Ask(), Improve(2));
  EXPECT_EQ(work.Ask(), Improve(2));
  work.End(3, 0.6);
  EXPECT_EQ(work.Ask(), Improve(3)) << "the children of 2 are in work";
  EXPECT_TRUE(work.MayGrow(1)) << "its debug step may be given up";
  work.End(4, kBad);
  EXPECT_EQ(work.Ask(), Debug(4));
  EXPECT_FALSE(work.MayGrow(1));
}

// c = 2. A = 0.6, B = 0.5, A's children C = 0.55 and D in work: scaled 1, 0, 0.5. N: root 3 and 1
// in work, A 2 and 1. U(A) = 0.75 + 2 sqrt(ln 4 / 3) = 2.109; U(B) = 2 sqrt(ln 4) = 2.355. Without
// D's visit 0.75 + 2 sqrt(ln 3 / 2) = 2.232 against 2 sqrt(ln 3) = 2.096.
TEST(MctsAtWorkTest, VisitsThatAreComingCount) {
  AtWork work(MakeMctsPolicy(SmallTree(2)));
  work.Ask();
  work.Ask();
  work.End(0, 0.6);
  work.End(1, 0.5);
  EXPECT_EQ(work.Ask(), Improve(0));
  EXPECT_EQ(work.Ask(), Improve(0));
  work.End(2, 0.55);
  EXPECT_EQ(work.Ask(), Improve(1));
}

TEST(EvolutionAtWorkTest, NobodyWaitsForAGeneration) {
  AtWork work(MakeEvolutionPolicy({.per_generation = 2, .max_debug_depth = 1}));
  EXPECT_EQ(work.Ask(), kADraft);
  EXPECT_EQ(work.Ask(), kADraft);
  EXPECT_EQ(work.Ask(), kADraft) << "generation 1, and nobody has joined";
  work.End(1, kBad);
  EXPECT_EQ(work.Ask(), Debug(0));
  work.End(2, 0.5);
  EXPECT_EQ(work.Ask(), Improve(1)) << "the first draft is still in work";
}

// Two islands of one individual: who began first is the first's, whoever ends first.
TEST(EvolutionAtWorkTest, AnIndividualsIslandIsThatInWhichItBegan) {
  AtWork work(MakeEvolutionPolicy({.per_generation = 1, .islands = 2}));
  EXPECT_EQ(work.Ask(), kADraft);
  EXPECT_EQ(work.Ask(), kADraft);
  work.End(1, 0.6);
  EXPECT_EQ(work.Ask(), kADraft) << "the first island is empty";
  EXPECT_EQ(work.Ask(), Improve(0)) << "the second is not";
}

TEST(SingleShotPolicyTest, DraftsAsOftenAsItSays) {
  ExpectSequence([] { return MakeSingleShotPolicy(3); },
                 {{"draft", {}, 0.5}, {"draft", {}, kBad}, {"draft", {}, 0.6}}, 0, false);
}

}  // namespace
}  // namespace podium::agents
