#include "agents/proposers/portfolio/portfolio.h"

#include <gtest/gtest.h>

#include "base/files.h"

namespace podium::agents {
namespace {

class PortfolioTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made =
        MakePortfolioProposer(ShareDir() / "agents" / "proposers" / "portfolio" / "portfolio.yaml");
    ASSERT_TRUE(made) << made.error().message;
    portfolio_ = std::move(*made);
    task_.metric = "accuracy";
    preview_.files.push_back(
        {.name = "train.csv",
         .columns = {{"id", ColumnKind::kInteger, {}}, {"y", ColumnKind::kInteger, {}}}});
  }

  Proposal Propose(std::string_view op, int parent) {
    return Propose(op, parent < 0 ? std::vector<int>() : std::vector<int>{parent});
  }
  Proposal Propose(std::string_view op, std::vector<int> parents) {
    ProposalRequest request;
    request.op = op;
    request.parents = std::move(parents);
    request.nodes = &nodes_;
    request.task = &task_;
    request.preview = &preview_;
    request.nodes_left = nodes_left_;
    request.exec_limit = exec_limit_;
    Result<Proposal> out = Fail(ErrorCode::kInternal, "did not run");
    Reactor reactor(1);
    auto run = reactor.Run([&]() -> Task<Status> {
      out = co_await portfolio_->Propose(request, Deadline::In(std::chrono::hours(1)));
      co_return Status{};
    });
    EXPECT_TRUE(run && out);
    return out.value_or(Proposal{});
  }

  void Add(const Proposal& p, std::string_view op, int parent, std::string fault) {
    SearchNode n;
    n.id = static_cast<int>(nodes_.size());
    n.op = op;
    if (parent >= 0) n.parents = {parent};
    n.source = p.source;
    n.fault = std::move(fault);
    if (n.good()) n.score = 1;
    nodes_.push_back(n);
  }

  std::unique_ptr<Proposer> portfolio_;
  TaskBrief task_;
  DataPreview preview_;
  std::vector<SearchNode> nodes_;
  int nodes_left_ = 0;
  Millis exec_limit_ = std::chrono::hours(1);
};

TEST_F(PortfolioTest, DraftsDifferAndImprovementsKeepTheTemplate) {
  Proposal first = Propose(kDraft, -1);
  EXPECT_EQ(first.source, "tabular-boost/0");
  EXPECT_NE(first.code.find("CONFIG = json.loads"), std::string::npos);
  Add(first, kDraft, -1, "");
  EXPECT_EQ(Propose(kDraft, -1).source, "tabular-trees/0");
  EXPECT_EQ(Propose(kImprove, 0).source, "tabular-boost/1");
}

TEST_F(PortfolioTest, AnEnsembleRunsTheParentsThatCanBeJoined) {
  nodes_left_ = 6;
  Add(Propose(kDraft, -1), kDraft, -1, "");  // the quick one, on a part of the rows
  Add(Propose(kImprove, 0), kImprove, 0, "");
  Add(Propose(kDraft, -1), kDraft, -1, "");
  Proposal alone = Propose(kEnsemble, 1);
  EXPECT_TRUE(alone.exhausted) << "one program is no ensemble";
  Proposal joined = Propose(kEnsemble, {2, 0, 1});
  EXPECT_FALSE(joined.exhausted);
  EXPECT_EQ(joined.source, "ensemble of 2, 1");
  EXPECT_NE(joined.code.find("node 2 (" + nodes_[2].source + ")"), std::string::npos);
  EXPECT_EQ(joined.code.find("quick"), std::string::npos);
  nodes_[1].exec_wall = std::chrono::minutes(50);
  EXPECT_TRUE(Propose(kEnsemble, {2, 0, 1}).exhausted) << "four fifths of the hour are 48 minutes";
}

TEST_F(PortfolioTest, WhatRanOutOfTimeIsTriedWithLessEffort) {
  Add(Propose(kDraft, -1), kDraft, -1, "time_limit");
  Proposal repaired = Propose(kDebug, 0);
  EXPECT_EQ(repaired.source, "tabular-boost/0 effort 0.333");
  nodes_[0].fault = "exit_1";
  EXPECT_NE(Propose(kDebug, 0).source.substr(0, 15), "tabular-boost/0")
      << "a program that broke otherwise is not run again";
}

TEST_F(PortfolioTest, TheFirstOfSeveralDraftsIsOneThatSurelyEnds) {
  nodes_left_ = 6;
  Proposal first = Propose(kDraft, -1);
  EXPECT_EQ(first.source, "tabular-quick/0");
  Add(first, kDraft, -1, "");
  nodes_[0].exec_wall = std::chrono::seconds(1);
  nodes_left_ = 5;
  EXPECT_EQ(Propose(kDraft, -1).source, "tabular-boost/0");
  EXPECT_EQ(Propose(kImprove, 0).source, "tabular-boost/0")
      << "what comes after the quick one is the best template, and no variant of the quick one";
  nodes_.clear();
  nodes_left_ = 1;
  EXPECT_EQ(Propose(kDraft, -1).source, "tabular-boost/0") << "a single shot is the best";
}

// The machine is forty times slower than the portfolio's author's.
TEST_F(PortfolioTest, OnASlowMachineTheLaterDraftsMakeLessEffort) {
  nodes_left_ = 6;
  Add(Propose(kDraft, -1), kDraft, -1, "");
  nodes_left_ = 5;
  exec_limit_ = std::chrono::seconds(80);
  nodes_[0].exec_wall = std::chrono::seconds(2);
  EXPECT_EQ(Propose(kDraft, -1).source, "tabular-boost/0");
  nodes_[0].exec_wall = std::chrono::seconds(320);
  std::string slow = Propose(kDraft, -1).source;
  EXPECT_TRUE(slow.starts_with("tabular-boost/0 effort 0.")) << slow;
}

TEST_F(PortfolioTest, EndsWhenEverythingWasTried) {
  for (int i = 0; i < 100; ++i) {
    Proposal p = Propose(kDraft, -1);
    if (p.exhausted) {
      EXPECT_GE(nodes_.size(), 4u);
      return;
    }
    Add(p, kDraft, -1, "exit_1");
  }
  FAIL() << "it never ended";
}

TEST_F(PortfolioTest, ATemplateThatIsMissingNamesTheFile) {
  auto temp = TempDir::Make("podium-portfolio");
  auto yaml = temp->path() / "p.yaml";
  ASSERT_TRUE(WriteFileAtomic(
      yaml, "schema: podium-portfolio/1\nprelude: absent.py\nensemble: e.py\ntemplates: []\n"));
  auto made = MakePortfolioProposer(yaml);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("absent.py"), std::string::npos);
}

}  // namespace
}  // namespace podium::agents
