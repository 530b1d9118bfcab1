// A search with a proposer that says what it is told to, in sandboxes that a script plays.
#include "agents/scaffolds/search.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <utility>

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
    int step = 0;
    std::size_t ended = 0;  // nodes that it may know of
  };
  ScriptedProposer(std::deque<agents::Proposal> proposals, std::vector<Asked>& asked)
      : proposals_(std::move(proposals)), asked_(asked) {}
  Task<Result<agents::Proposal>> Propose(agents::ProposalRequest request, Deadline) override {
    asked_.push_back({request.op, request.parents, request.node_id, request.nodes->size()});
    if (proposals_.empty()) co_return agents::Proposal{.exhausted = true};
    agents::Proposal next = std::move(proposals_.front());
    proposals_.pop_front();
    co_return next;
  }

  // A program that says "leak" leaks.
  Task<Result<agents::LeakReading>> FindLeak(const agents::SearchNode& node,
                                             const agents::TaskBrief&, Deadline) override {
    agents::LeakReading out;
    if (node.code.find("leak") != std::string::npos) out.leak = "the answers are in it";
    out.tokens.calls = 1;
    co_return out;
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
    // A program is its own outcome: "score 0.5", "exit 1", "silent", "none"; "score 0.5 as 2" is
    // the second that ends. It prints those that ran before it where it runs.
    script_.exec = [this](sandbox::FakeFiles& files, const sandbox::ExecSpec& spec) {
      sandbox::FakeExec out;
      if (spec.argv[0] == "/bin/sh") files.erase(kPath);
      if (spec.argv[0] != "python3") return out;
      std::string code = files[spec.argv[1]];
      std::string before =
          std::exchange(files["/home/agent/ran"], files["/home/agent/ran"] + code + ";");
      if (auto at = code.find(" as "); at != std::string::npos) {
        std::size_t before_it = std::stoul(code.substr(at + 4)) - 1;
        out.may_end = [this, before_it] {
          std::size_t begun = std::min<std::size_t>(3 + before_it, 5);
          return observer_.nodes.size() >= before_it && (!in_step_ || asked_.size() >= begun);
        };
        code.resize(at);
      }
      if (code.starts_with("exit")) out.result.exit_code = 1;
      if (code.starts_with("score"))
        out.result.output = "after " + before + "\nvalidation score: " + code.substr(6) + "\n";
      if (code.starts_with("score") || code == "silent")
        files[kPath] = *ReadFile(prepared_.sample_submission());
      return out;
    };
  }
  void Propose(std::initializer_list<const char*> programs) {
    for (const char* code : programs) proposals_.push_back({.source = "script", .code = code});
  }
  // A search with workers, whose settings but for those are the fixture's.
  void Employ(int workers, agents::GreedySettings settings) {
    agent_.configured.workers = workers;
    agent_.configured.make = [this, settings](std::unique_ptr<agents::Proposer>) {
      return agents::MakeSearch(agents::MakeGreedyPolicy(settings),
                                std::make_unique<ScriptedProposer>(proposals_, asked_));
    };
  }
  void Choose(agents::SearchSettings settings) {
    agent_.configured.make = [this, settings](std::unique_ptr<agents::Proposer>) {
      return agents::MakeSearch(agents::MakeGreedyPolicy({.drafts = 2}),
                                std::make_unique<ScriptedProposer>(proposals_, asked_), settings);
    };
  }
  static std::vector<int> Steps(const TrialView& view) {
    std::vector<int> out;
    for (const auto& node : view.nodes) out.push_back(node.step);
    return out;
  }
  [[nodiscard]] std::ptrdiff_t Calls(const std::string& operation) const {
    return std::ranges::count_if(backend_->calls(), [&](const std::string& call) {
      return call == operation || call.starts_with(operation + " ");
    });
  }

  std::deque<agents::Proposal> proposals_;
  std::vector<ScriptedProposer::Asked> asked_;
  // Of 3 workers and 5 nodes: none ends before who was free has asked.
  bool in_step_ = false;
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
                              {.selection = agents::Selection::kLast});
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

TEST_F(SearchTest, AFreeWorkerTakesTheNextNodeAtOnce) {
  Employ(3, {.drafts = 3});
  in_step_ = true;
  agent_.configured.nodes = 5;
  Propose(
      {"score 0.5 as 3", "score 0.6 as 1", "score 0.7 as 2", "score 0.8 as 4", "score 0.9 as 5"});
  auto result = Run();
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->end, TrialEnd::kDone) << result->view.failure;
  EXPECT_THAT(Steps(result->view), ElementsAre(1, 2, 0, 3, 4));
  EXPECT_THAT(asked_[3].parents, ElementsAre(0)) << "0.6, the first that ended";
  EXPECT_THAT(asked_[4].parents, ElementsAre(1)) << "0.7";
  EXPECT_EQ(asked_[4].ended, 2u);
  EXPECT_EQ(Names(),
            "attempt service begun begun begun node begun node begun node node node taken taken "
            "sealed graded");
  EXPECT_EQ(result->view.verdict->agent.end, "node_budget");
  EXPECT_THAT(result->view.verdict->agent.detail, HasSubstr("node 4, validation score 0.9"));
  EXPECT_EQ(*ReadFile(Dir() / "code/node_0.py"), "score 0.6 as 1");
  EXPECT_EQ(Calls("create"), 3);
  EXPECT_EQ(Calls("seal"), 3);
}

TEST_F(SearchTest, AChildBeginsInItsParentsWorkspaceWhereverItRuns) {
  Employ(2, {.drafts = 2});
  agent_.configured.nodes = 4;
  Propose({"score 0.9 as 1", "score 0.5 as 2", "score 0.1 as 4", "score 0.2 as 3"});
  auto result = Run();
  ASSERT_TRUE(result);
  ASSERT_EQ(result->view.nodes.size(), 4u) << result->view.failure;
  for (const auto& node : result->view.nodes) {
    const char* before = node.op == "draft" ? "after \n" : "after score 0.9 as 1;\n";
    EXPECT_THAT(node.output, testing::StartsWith(before)) << node.code;
  }
}

TEST_F(SearchTest, SnapshotsThatNobodyNeedsAreDropped) {
  Employ(2, {.drafts = 12});
  agent_.configured.nodes = 12;
  for (int i = 0; i < 12; ++i) Propose({i == 0 ? "score 0.9" : "score 0.5"});
  auto result = Run();
  ASSERT_TRUE(result);
  ASSERT_EQ(result->view.nodes.size(), 12u) << result->view.failure;
  EXPECT_EQ(Calls("snapshot"), 13) << "the fresh one and each node's";
  EXPECT_LE(backend_->snapshots(), 4u) << "the fresh one, the best, and what both stand on";
}

// A process that dies is one whose host breaks: steps 1 and 2 are in work, 0 has ended.
TEST_F(SearchTest, AnInterruptedSearchRepeatsWhatWasInWorkAsItWasAsked) {
  Employ(3, {.drafts = 2});
  agent_.configured.nodes = 4;
  Propose({"score 0.5 as 1", "score 0.6 as 3", "score 0.7 as 4", "broken"});
  auto exec = script_.exec;
  script_.exec = [exec](sandbox::FakeFiles& files, const sandbox::ExecSpec& spec) {
    if (spec.argv[0] == "python3" && files[spec.argv[1]] == "broken")
      throw std::runtime_error("the host broke");
    return exec(files, spec);
  };
  auto first = Run();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->end, TrialEnd::kFailed);
  EXPECT_THAT(Steps(first->view), ElementsAre(0));
  ASSERT_EQ(first->view.in_work.size(), 3u);
  auto before = std::exchange(asked_, {});
  proposals_.clear();
  observer_.nodes.clear();
  Propose({"score 0.6 as 1", "score 0.7 as 2", "score 0.8 as 3"});
  auto second = Run();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->end, TrialEnd::kDone) << second->view.failure;
  EXPECT_THAT(Steps(second->view), ElementsAre(0, 1, 2, 3));
  ASSERT_EQ(asked_.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(asked_[i].step, before[i + 1].step);
    EXPECT_EQ(asked_[i].op, before[i + 1].op);
    EXPECT_EQ(asked_[i].parents, before[i + 1].parents);
    EXPECT_EQ(asked_[i].ended, before[i + 1].ended) << "it knows what it knew";
  }
}

TEST_F(SearchTest, AProposerThatHasNothingLeftIsAskedAgainWhenANodeEnds) {
  Employ(3, {.drafts = 5});
  Propose({"score 0.5 as 1", "score 0.6 as 2"});
  auto result = Run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->view.nodes.size(), 2u) << result->view.failure;
  EXPECT_EQ(result->view.verdict->agent.end, "finished");
  EXPECT_GT(asked_.size(), 3u);
}

TEST_F(SearchTest, AWorkerWhoseSandboxIsGoneLeavesTheOthersAtWork) {
  Employ(2, {.drafts = 4, .debug_prob = 0});
  agent_.configured.nodes = 4;
  Propose({"gone", "score 0.5 as 2", "score 0.6", "score 0.7"});
  auto exec = script_.exec;
  script_.exec = [exec](sandbox::FakeFiles& files, const sandbox::ExecSpec& spec) {
    auto out = exec(files, spec);
    bool gone = spec.argv[0] == "python3" && files[spec.argv[1]] == "gone";
    if (gone) out.result.end = sandbox::ExecEnd::kInitGone;
    return out;
  };
  auto result = Run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->view.nodes.size(), 4u) << result->view.failure;
  EXPECT_EQ(result->view.nodes[0].end, "init_gone");
  EXPECT_EQ(result->view.verdict->agent.end, "node_budget");
}

// "0 on -1", one a kept layer, in the journal's order.
std::vector<std::string> LayersIn(const std::vector<JournalLine>& lines) {
  std::vector<std::string> out;
  for (const auto& line : lines) {
    if (const auto* layer = std::get_if<records::Layer>(&line.event))
      out.push_back(std::to_string(layer->step) + " on " + std::to_string(layer->below) +
                    (layer->failed.empty() ? "" : ": " + layer->failed));
  }
  return out;
}

TEST_F(SearchTest, ALayerIsKeptAfterEachNodeOrAtTheEndOrNever) {
  for (auto policy :
       {agents::LayerPolicy::kAll, agents::LayerPolicy::kLast, agents::LayerPolicy::kNone}) {
    int seed = static_cast<int>(policy);
    proposals_.clear();
    Propose({"score 0.5", "exit 1", "score 0.7"});
    Choose({.layers = policy});
    agent_.configured.layers = policy;
    auto result = Run(seed);
    ASSERT_TRUE(result && result->end == TrialEnd::kDone);
    auto kept = LayersIn(Lines(seed));
    if (policy == agents::LayerPolicy::kAll) {
      EXPECT_THAT(kept, ElementsAre("0 on -1", "1 on 0", "2 on 1"));
      EXPECT_EQ(result->view.layers.size(), 3u);
      EXPECT_EQ(DigestFile(Dir(seed) / "layers/2.tar.zst")->hex(), result->view.layers[2].digest);
    }
    if (policy == agents::LayerPolicy::kLast) EXPECT_THAT(kept, ElementsAre("2 on -1"));
    if (policy == agents::LayerPolicy::kNone) EXPECT_THAT(kept, testing::IsEmpty());
  }
}

// Which fails no trial.
TEST_F(SearchTest, ALayerThatCannotBeKeptIsAnEvent) {
  script_.faults["pack_layer"].push_back({ErrorCode::kIo, "the host's disk is full"});
  Propose({"score 0.5", "score 0.6", "score 0.7"});
  Choose({.layers = agents::LayerPolicy::kAll});
  agent_.configured.layers = agents::LayerPolicy::kAll;
  auto result = Run();
  ASSERT_TRUE(result && result->end == TrialEnd::kDone);
  EXPECT_THAT(LayersIn(Lines()), ElementsAre("0 on -1: the host's disk is full"))
      << "and none is kept that would stand on it";
}

// The nodes of another trial, whose first two left a layer each.
class ForkedSearchTest : public SearchTest {
 protected:
  void Begin() {
    Propose({"score 0.5", "score 0.6", "score 0.7"});
    Choose({.layers = agents::LayerPolicy::kAll});
    agent_.configured.layers = agents::LayerPolicy::kAll;
    ASSERT_EQ(Run(0)->end, TrialEnd::kDone);
    std::filesystem::create_directories(Dir(1));
    std::filesystem::copy(Dir(0) / "layers", Dir(1) / "layers");
    auto journal = Journal::Open(Dir(1) / "journal.jsonl", SystemClock());
    ASSERT_TRUE(journal);
    std::vector<records::Event> begin = {records::Attempt{}, records::Forked{"r", "t/a/s0", 2, ""}};
    for (const auto& line : Lines(0)) {
      const auto* node = std::get_if<records::SearchNode>(&line.event);
      const auto* layer = std::get_if<records::Layer>(&line.event);
      if (node && node->id < 2) begin.emplace_back(*node);
      if (layer && layer->step < 2) begin.emplace_back(*layer);
    }
    begin.emplace_back(records::Paused{});
    for (auto& event : begin) ASSERT_TRUE(journal->Record(std::move(event)));
    proposals_.clear();
    Propose({"score 0.9"});
    agent_.configured.nodes = 3;
  }
};

TEST_F(ForkedSearchTest, ItGoesOnWhereTheLayerIsAndRunsNothingAgain) {
  Begin();
  auto result = Run(1);
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->end, TrialEnd::kDone) << result->view.failure;
  ASSERT_EQ(result->view.nodes.size(), 3u);
  EXPECT_THAT(result->view.nodes[2].output, HasSubstr("after score 0.5;score 0.6;\n"));
  EXPECT_EQ(std::ranges::count_if(backend_->calls(),
                                  [](const auto& c) { return c.starts_with("exec python3"); }),
            1);
  auto rebuilt = LastAttempts<records::Rebuilt>(Lines(1));
  ASSERT_EQ(rebuilt.size(), 1u);
  EXPECT_EQ(rebuilt[0].restored, 1);
  EXPECT_EQ(rebuilt[0].nodes, 0);
  EXPECT_EQ(LayersIn(Lines(1)).back(), "2 on 1");
}

TEST_F(ForkedSearchTest, WhereTheSandboxCannotItsProgramsRunAgainAndThatIsSaid) {
  Begin();
  script_.faults["add_layer"].push_back({ErrorCode::kUnavailable, "no layers here"});
  auto result = Run(1);
  ASSERT_TRUE(result && result->end == TrialEnd::kDone);
  auto rebuilt = LastAttempts<records::Rebuilt>(Lines(1));
  ASSERT_EQ(rebuilt.size(), 1u);
  EXPECT_EQ(rebuilt[0].nodes, 2);
  EXPECT_EQ(rebuilt[0].restored, -1);
  EXPECT_THAT(rebuilt[0].why, HasSubstr("no layers here"));
  EXPECT_THAT(result->view.nodes[2].output, HasSubstr("after score 0.5;score 0.6;\n"));
}

TEST_F(ForkedSearchTest, ALayerThatWasChangedMeanwhileEndsTheAttempt) {
  Begin();
  std::string bytes = *ReadFile(Dir(1) / "layers/0.tar.zst");
  bytes.back() ^= 1;
  ASSERT_TRUE(WriteFileAtomic(Dir(1) / "layers/0.tar.zst", bytes));
  auto result = Run(1);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->end, TrialEnd::kExhausted) << "no other attempt would mend it";
  EXPECT_THAT(result->view.failure, HasSubstr("layers/0.tar.zst is not the layer that was kept"));
}

TEST_F(SearchTest, AProgramThatLeaksDoesNotCountAndIsDebugged) {
  agent_.configured.nodes = 3;
  Propose({"score 0.9\n#leak", "score 0.5", "score 0.6"});
  auto result = Run();
  ASSERT_TRUE(result);
  ASSERT_EQ(result->view.nodes.size(), 3u) << result->view.failure;
  EXPECT_EQ(result->view.nodes[0].fault, "leak");
  EXPECT_EQ(result->view.nodes[0].detail, "the answers are in it");
  EXPECT_EQ(result->view.nodes[0].tokens.calls, 1);
  EXPECT_FALSE(std::filesystem::exists(Dir() / "snapshots/node_0.csv"));
  EXPECT_EQ(asked_[2].op, "debug");
  EXPECT_THAT(result->view.verdict->agent.detail, HasSubstr("node 2"));
}

TEST_F(SearchTest, TheBestByValidationIsGradedAndTheNextBesideIt) {
  Choose({.selection = agents::Selection::kTopK, .top_k = 2});
  agent_.configured.nodes = 4;
  Propose({"score 0.5", "score 0.7", "exit", "score 0.6"});
  auto result = Run();
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_TRUE(result->view.verdict) << result->view.failure;
  const auto& verdict = *result->view.verdict;
  ASSERT_EQ(verdict.top_k.size(), 2u);
  EXPECT_EQ(verdict.top_k[0].node, 1);
  EXPECT_EQ(verdict.top_k[1].node, 3);
  EXPECT_EQ(verdict.top_k[1].score, 0.75) << "the grader's word";
  ASSERT_EQ(grader_.asked.size(), 3u);
  EXPECT_EQ(grader_.asked[0].submission->filename(), "submission.csv");
  EXPECT_EQ(grader_.asked[2].submission->filename(), "node_3.csv");
  EXPECT_THAT(verdict.agent.detail, HasSubstr("node 1"));
}

TEST_F(SearchTest, TheEnsembleIsOneNodeMoreAndStandsIfItIsNoWorse) {
  for (auto [joined, handed_in] : {std::pair{"score 0.7", "node 3"}, {"score 0.69", "node 1"}}) {
    std::filesystem::remove_all(run_dir_);
    std::filesystem::create_directories(run_dir_);
    asked_.clear();
    proposals_.clear();
    Choose({.selection = agents::Selection::kJoined, .top_k = 2});
    agent_.configured.nodes = 3;
    Propose({"score 0.5", "score 0.7", "score 0.6", joined});
    auto result = Run();
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->view.nodes.size(), 4u) << result->view.failure;
    EXPECT_EQ(asked_[3].op, "ensemble");
    EXPECT_THAT(asked_[3].parents, ElementsAre(1, 2)) << "the best first";
    EXPECT_THAT(result->view.verdict->agent.detail, HasSubstr(handed_in));
    EXPECT_EQ(result->view.verdict->agent.end, "node_budget");
  }
}

TEST_F(SearchTest, WhereNothingCanBeJoinedTheBestStands) {
  Choose({.selection = agents::Selection::kJoined});
  agent_.configured.nodes = 2;
  Propose({"exit", "score 0.7"});
  auto result = Run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->view.nodes.size(), 2u);
  EXPECT_THAT(result->view.verdict->agent.detail, HasSubstr("node 1"));
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
