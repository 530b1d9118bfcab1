// A search with a proposer that says what it is told to, in sandboxes that a script plays.
#include "agents/scaffolds/search.h"

#include <gmock/gmock.h>

#include "agents/scaffolds/evolution_policy.h"
#include "agents/scaffolds/greedy_policy.h"
#include "agents/scaffolds/mcts_policy.h"
#include "tests/harness/trial_fixture.h"

namespace podium::harness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const char* kPath = "/home/submission/submission.csv";

// Gives one program after the other, and keeps what it was asked.
class ScriptedProposer final : public agents::Proposer {
 public:
  struct Asked {
    std::string op;
    std::vector<int> parents;
  };
  ScriptedProposer(std::deque<agents::Proposal> proposals, std::vector<Asked>& asked)
      : proposals_(std::move(proposals)), asked_(asked) {}
  Task<Result<agents::Proposal>> Propose(agents::ProposalRequest request, Deadline) override {
    asked_.push_back({request.op, request.parents});
    if (proposals_.empty()) co_return agents::Proposal{.exhausted = true};
    agents::Proposal next = std::move(proposals_.front());
    proposals_.pop_front();
    co_return next;
  }

 private:
  std::deque<agents::Proposal> proposals_;
  std::vector<Asked>& asked_;
};

class SearchTest : public TrialFixture {
 protected:
  void SetUp() override {
    TrialFixture::SetUp();
    info_.name = "search";
    info_.takes_proposer = true;
    info_.hands_in = agents::HandsIn::kChosen;
    agent_.scaffold = &info_;
    agent_.proposer = "portfolio";
    agent_.configured.nodes = 8;
    agent_.configured.make = [this](std::unique_ptr<agents::Proposer>) {
      return agents::MakeSearch(agents::MakeGreedyPolicy({.drafts = 2}),
                                std::make_unique<ScriptedProposer>(proposals_, asked_));
    };
    // A program is its own outcome: "score 0.5", "exit 1", "silent", "none".
    script_.exec = [this](sandbox::FakeFiles& files, const sandbox::ExecSpec& spec) {
      sandbox::FakeExec out;
      if (spec.argv[0] == "/bin/sh") files.erase(kPath);
      if (spec.argv[0] != "python3") return out;
      std::string code = files[spec.argv[1]];
      if (code.starts_with("exit")) out.result.exit_code = 1;
      if (code.starts_with("score"))
        out.result.output = "validation score: " + code.substr(6) + "\n";
      if (code.starts_with("score") || code == "silent")
        files[kPath] = *ReadFile(prepared_.sample_submission());
      return out;
    };
  }
  void Propose(std::initializer_list<const char*> programs) {
    for (const char* code : programs) proposals_.push_back({.source = "script", .code = code});
  }
  std::deque<agents::Proposal> proposals_;
  std::vector<ScriptedProposer::Asked> asked_;
};

TEST_F(SearchTest, DraftsDebugsImprovesAndHandsInTheBest) {
  Propose({"exit", "score 0.5", "score 0.7", "score 0.6"});
  auto result = Run();
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->end, TrialEnd::kDone) << result->view.failure;
  ASSERT_EQ(result->view.nodes.size(), 4u);
  EXPECT_EQ(result->view.nodes[0].fault, "exit_1");
  EXPECT_EQ(result->view.nodes[1].score, 0.5);
  EXPECT_EQ(asked_[2].op, "debug");
  EXPECT_THAT(asked_[2].parents, ElementsAre(0));
  EXPECT_EQ(asked_[3].op, "improve");
  EXPECT_THAT(asked_[3].parents, ElementsAre(2));
  EXPECT_EQ(result->view.verdict->agent.end, "finished") << "the proposer had nothing left";
  EXPECT_THAT(result->view.verdict->agent.detail, HasSubstr("node 2, validation score 0.7"));
}

// ../agents/policies_test.cc has the tables; here the whole search runs them on a sandbox.
TEST_F(SearchTest, EvolutionCrossesAndTheLastIsHandedInWhereThatIsAskedFor) {
  agents::EvolutionSettings settings{.per_generation = 2, .crossover_prob = 1, .crossover_from = 1};
  agent_.configured.nodes = 4;
  agent_.configured.make = [this, settings](std::unique_ptr<agents::Proposer>) {
    return agents::MakeSearch(agents::MakeEvolutionPolicy(settings),
                              std::make_unique<ScriptedProposer>(proposals_, asked_),
                              agents::Selection::kLast);
  };
  Propose({"score 0.5", "score 0.7", "score 0.6", "score 0.4"});
  auto result = Run();
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->view.nodes.size(), 4u) << result->view.failure;
  EXPECT_EQ(asked_[2].op, "crossover");
  EXPECT_THAT(asked_[2].parents, testing::UnorderedElementsAre(0, 1));
  EXPECT_EQ(result->view.nodes[2].parents, asked_[2].parents);
  EXPECT_EQ(asked_[3].op, "crossover");
  EXPECT_THAT(result->view.verdict->agent.detail, HasSubstr("node 3, validation score 0.4"));
}

TEST_F(SearchTest, TreeSearchRunsItsTable) {
  agent_.configured.nodes = 6;
  agent_.configured.make = [this](std::unique_ptr<agents::Proposer>) {
    agents::MctsSettings settings{.drafts = 2, .children = 2};
    return agents::MakeSearch(agents::MakeMctsPolicy(settings),
                              std::make_unique<ScriptedProposer>(proposals_, asked_));
  };
  Propose({"score 0.5", "exit", "score 0.7", "score 0.6", "score 0.9", "score 0.8"});
  auto result = Run();
  ASSERT_TRUE(result) << result.error().message;
  std::vector<std::string> steps;
  for (const auto& node : result->view.nodes)
    steps.push_back(node.op + (node.parents.empty() ? "" : std::to_string(node.parent())));
  EXPECT_THAT(steps, ElementsAre("draft", "draft", "debug1", "improve2", "improve2", "improve4"));
}

TEST_F(SearchTest, WhatANodeLacksIsSaidInAWord) {
  Propose({"none", "silent", "exit"});
  proposals_.push_back({.source = "script", .fault = "no_code", .detail = "prose"});
  auto result = Run();
  ASSERT_TRUE(result);
  std::vector<std::string> faults;
  for (const auto& node : result->view.nodes) faults.push_back(node.fault);
  EXPECT_THAT(faults, ElementsAre("no_submission", "no_score", "exit_1", "no_code"));
  EXPECT_THAT(result->view.verdict->agent.detail, HasSubstr("node 1")) << "its shape is right";
}

TEST_F(SearchTest, TheBudgetOfNodesEndsIt) {
  agent_.configured.nodes = 2;
  Propose({"score 0.1", "score 0.2", "score 0.3"});
  auto result = Run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->view.nodes.size(), 2u);
  EXPECT_EQ(result->view.verdict->agent.end, "node_budget");
}

TEST_F(SearchTest, AnInterruptedSearchGoesOnWithItsNodes) {
  Propose({"score 0.5", "score 0.7", "score 0.6"});
  // The host breaks under the second program.
  int puts = 0;
  auto exec = script_.exec;
  script_.exec = [&puts, exec](sandbox::FakeFiles& files, const sandbox::ExecSpec& spec) {
    if (spec.argv[0] == "python3" && ++puts == 2) throw std::runtime_error("the host broke");
    return exec(files, spec);
  };
  auto first = Run();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->end, TrialEnd::kFailed);
  EXPECT_EQ(first->view.nodes.size(), 1u);
  proposals_.clear();
  Propose({"score 0.9"});
  auto second = Run();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->end, TrialEnd::kDone);
  ASSERT_EQ(second->view.nodes.size(), 2u);
  EXPECT_EQ(second->view.nodes[1].id, 1);
  EXPECT_EQ(second->view.nodes[1].score, 0.9);
  EXPECT_EQ(second->view.attempts, 2);
}

TEST_F(SearchTest, ASandboxThatTheProgramEndedEndsTheSearch) {
  Propose({"score 0.5", "score 0.7"});
  auto exec = script_.exec;
  script_.exec = [exec](sandbox::FakeFiles& files, const sandbox::ExecSpec& spec) {
    auto out = exec(files, spec);
    if (spec.argv[0] == "python3") out.result.end = sandbox::ExecEnd::kInitGone;
    return out;
  };
  auto result = Run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->view.nodes.size(), 1u);
  EXPECT_EQ(result->view.verdict->agent.end, "init_gone");
}

}  // namespace
}  // namespace podium::harness
