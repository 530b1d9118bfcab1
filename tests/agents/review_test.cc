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

// A proposer whose model answers by a script.
struct Asking {
  explicit Asking(std::function<tests::ScriptedReply()> answer)
      : server([answer = std::move(answer)](int, const ReceivedRequest&) { return answer(); }) {
    settings.prompts = *PromptSet::Load(PromptSet::Find("aide"));
  }
  void Run(const std::function<Task<Status>(Proposer&, Deadline)>& work) {
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
    auto proposer = MakeLlmProposer(std::make_unique<ChatClient>(models, config), settings);
    auto run = reactor.Run([&]() -> Task<Status> {
      Deadline deadline = Deadline::In(std::chrono::seconds(30));
      co_return co_await work(*proposer, deadline);
    });
    EXPECT_TRUE(run);
  }
  ModelServer server;
  LlmSettings settings;
};

// The score that a review with these arguments gives to a program that printed `output`.
std::optional<double> Reviewed(const std::string& arguments, const std::string& output) {
  Asking asking([&] { return tests::StreamedToolCall("submit_review", arguments); });
  TaskBrief task;
  SearchNode node;
  node.output = output;
  Result<ScoreReading> reading = Fail(ErrorCode::kInternal, "did not run");
  asking.Run([&](Proposer& proposer, Deadline deadline) -> Task<Status> {
    reading = co_await proposer.ReadScore(node, task, deadline);
    co_return Status{};
  });
  EXPECT_TRUE(reading) << "a review never ends the run";
  EXPECT_EQ(asking.server.requests().size(), 1u);
  return reading ? reading->score : std::nullopt;
}

// What a search for leaks says of a program that is answered so.
LeakReading Looked(const std::function<tests::ScriptedReply()>& answer, bool looks = true) {
  Asking asking(answer);
  asking.settings.leak_check = looks;
  TaskBrief task;
  SearchNode node;
  node.code = "train = pd.concat([train, answers])";
  Result<LeakReading> reading = Fail(ErrorCode::kInternal, "did not run");
  asking.Run([&](Proposer& proposer, Deadline deadline) -> Task<Status> {
    reading = co_await proposer.FindLeak(node, task, deadline);
    co_return Status{};
  });
  EXPECT_TRUE(reading) << "a review never ends the run";
  EXPECT_EQ(asking.server.requests().size(), looks ? 1u : 0u);
  if (looks)
    EXPECT_NE(asking.server.requests()[0].body.find("pd.concat([train, answers])"),
              std::string::npos);
  return reading.value_or(LeakReading{});
}

TEST(LeakTest, IsWhatTheCallSays) {
  auto call = [](const char* arguments) {
    return [arguments] { return tests::StreamedToolCall("report_leak", arguments); };
  };
  EXPECT_EQ(Looked(call(R"({"leaks": true, "why": "answers in training"})")).leak,
            "answers in training");
  EXPECT_EQ(Looked(call(R"({"leaks": true})")).leak, "the review gave no reason");
  EXPECT_EQ(Looked(call(R"({"leaks": false, "why": "none"})")).leak, "");
  EXPECT_EQ(Looked(call(R"({"leaks": "who knows"})")).leak, "");
  EXPECT_EQ(Looked([] { return tests::StreamedText(R"({"leaks": true, "why": "as text"})"); }).leak,
            "as text");
  EXPECT_EQ(Looked([] { return tests::StreamedText("It is fine."); }).leak, "");
}

TEST(LeakTest, NobodyIsAskedWhereItIsOff) {
  EXPECT_EQ(Looked([] { return tests::StreamedText(""); }, false).leak, "");
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
