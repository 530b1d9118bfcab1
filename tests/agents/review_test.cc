// What a model's review of a program's output may say, and what it cannot do.
#include <gtest/gtest.h>

#include "agents/models/chat_client.h"
#include "agents/models/record_store.h"
#include "agents/proposers/llm/llm_proposer.h"
#include "base/files.h"
#include "tests/agents/gateway_fixture.h"
#include "tests/support/model_server.h"

namespace podium::agents {
namespace {

using tests::ModelServer;
using tests::ReceivedRequest;

// The score that a review with these arguments gives to a program that printed `output`.
std::optional<double> Reviewed(const std::string& arguments, const std::string& output) {
  ModelServer server([&](int, const ReceivedRequest&) {
    return tests::StreamedToolCall("submit_review", arguments);
  });
  TempDir temp = *TempDir::Make("podium-review");
  ModelConfig config{.model = "m", .api_key = "k"};
  config.base_url = server.base_url();
  TrialModelsOptions trial;
  trial.record_dir = temp.path();
  tests::KeptEvents events;
  Reactor reactor(1);
  HttpClient http;
  ProviderGate gate;
  TrialModels models(reactor, http, gate, events, trial);
  LlmSettings settings;
  settings.prompts = *PromptSet::Load(PromptSet::Find("aide"));
  auto proposer = MakeLlmProposer(std::make_unique<ChatClient>(models, config), settings);
  TaskBrief task;
  SearchNode node;
  node.output = output;
  Result<ScoreReading> reading = Fail(ErrorCode::kInternal, "did not run");
  auto run = reactor.Run([&]() -> Task<Status> {
    Deadline deadline = Deadline::In(std::chrono::seconds(30));
    reading = co_await proposer->ReadScore(node, task, deadline);
    co_return Status{};
  });
  EXPECT_TRUE(run);
  EXPECT_TRUE(reading) << "a review never ends the run";
  EXPECT_EQ(server.requests().size(), 1u);
  return reading ? reading->score : std::nullopt;
}

TEST(ReviewTest, AnIntegerIsAScore) {
  EXPECT_EQ(Reviewed(R"({"metric": 1, "summary": "all right"})", "all right: 1 of 1"), 1.0);
  EXPECT_EQ(Reviewed(R"({"metric": 0, "summary": "none"})", "hit 0"), 0.0);
}

TEST(ReviewTest, NotANumberIsNone) {
  EXPECT_FALSE(Reviewed(R"({"metric": NaN, "summary": "nan"})", "result nan"));
  EXPECT_FALSE(Reviewed(R"({"metric": "nan", "summary": "nan"})", "result nan"));
  EXPECT_FALSE(Reviewed(R"({"metric": null, "summary": "none"})", "result 0.5"));
  EXPECT_FALSE(Reviewed(R"({"metric": 0.75, "summary": "made up"})", "result 0.5"));
}

TEST(ReviewTest, ADirectionThatTheModelNamesChangesNothing) {
  for (const char* direction : {"true", "false", "\"maybe\""})
    EXPECT_EQ(Reviewed(std::string(R"({"metric": 0.5, "lower_is_better": )") + direction + "}",
                       "result 0.5"),
              0.5);
}

}  // namespace
}  // namespace podium::agents
