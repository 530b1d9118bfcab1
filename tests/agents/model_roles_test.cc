// Models for parts of the work: who is asked for what, on one account.
#include <gtest/gtest.h>

#include "agents/models/chat_client.h"
#include "agents/proposers/llm/llm_proposer.h"
#include "base/files.h"
#include "tests/agents/gateway_fixture.h"
#include "tests/support/model_server.h"

namespace podium::agents {
namespace {

using tests::ModelServer;
using tests::ReceivedRequest;
using tests::StreamedText;

class ModelRolesTest : public testing::Test {
 protected:
  std::unique_ptr<ChatClient> Client(TrialModels& models, const std::string& name) {
    ModelConfig config{.model = name};
    config.base_url = server_.base_url();
    config.by_schema = name == "judge";
    return std::make_unique<ChatClient>(models, config);
  }

  // Who answered a node of each operator, and then a review.
  Task<Status> AskAll(Proposer& proposer) {
    Deadline deadline = Deadline::In(std::chrono::seconds(30));
    TaskBrief task;
    DataPreview preview;
    SearchNode parent;
    parent.code = "x = 1";
    parent.output = "score 0.5";
    std::vector<SearchNode> nodes = {parent, parent};
    for (std::string_view op : {kDraft, kDebug, kImprove, kCrossover}) {
      ProposalRequest request;
      request.op = op;
      request.node_id = static_cast<int>(sources_.size());
      if (op != kDraft) request.parents = {0};
      if (op == kCrossover) request.parents = {0, 1};
      request.nodes = &nodes;
      request.task = &task;
      request.preview = &preview;
      auto proposal = co_await proposer.Propose(request, deadline);
      EXPECT_TRUE(proposal);
      if (proposal) sources_.push_back(proposal->source);
    }
    auto reading = co_await proposer.ReadScore(parent, task, deadline);
    EXPECT_TRUE(reading);
    if (reading) score_ = reading->score;
    co_return Status{};
  }

  void Run(const std::function<RoleClients(TrialModels&)>& roles) {
    LlmSettings settings;
    settings.prompts = *PromptSet::Load(PromptSet::Find("aide"));
    TrialModelsOptions options;
    options.record_dir = temp_.path();
    Reactor reactor(1);
    HttpClient http;
    ProviderGate gate;
    TrialModels models(reactor, http, gate, events_, options);
    auto proposer = MakeLlmProposer(Client(models, "all"), std::move(settings), roles(models));
    EXPECT_TRUE(reactor.Run([&] { return AskAll(*proposer); }));
    spent_ = models.spent();
  }

  TempDir temp_ = *TempDir::Make("podium-roles");
  tests::KeptEvents events_;
  ModelServer server_{[](int, const ReceivedRequest& request) {
    bool judge = request.body.find("\"model\":\"judge\"") != std::string::npos;
    return StreamedText(judge ? R"({"metric": 0.5})" : "```python\nprint(1)\n```");
  }};
  std::vector<std::string> sources_;
  std::optional<double> score_;
  Spent spent_;
};

using Texts = std::vector<std::string>;

TEST_F(ModelRolesTest, EachPartAsksItsOwnAndAllShareTheAccount) {
  Run([this](TrialModels& models) {
    return RoleClients{Client(models, "coder"), Client(models, "editor"), Client(models, "judge")};
  });
  EXPECT_EQ(sources_, (Texts{"coder", "editor", "editor", "coder"}));
  EXPECT_EQ(score_, 0.5);
  EXPECT_EQ(spent_.requests, 5);
  EXPECT_EQ(events_.Of("model_call").back()["model"], "judge");
  std::string review = server_.requests().back().body;
  EXPECT_NE(review.find("response_format"), std::string::npos) << review;
  EXPECT_EQ(review.find("tool_choice"), std::string::npos);
}

TEST_F(ModelRolesTest, OneModelDoesWhatNoOtherIsNamedFor) {
  Run([this](TrialModels& models) {
    RoleClients out;
    out.review = Client(models, "judge");
    return out;
  });
  EXPECT_EQ(sources_, (Texts{"all", "all", "all", "all"}));
  EXPECT_EQ(score_, 0.5);
}

}  // namespace
}  // namespace podium::agents
