// The client against a scripted server over real HTTP.
#include "agents/models/chat_client.h"

#include <gtest/gtest.h>

#include "agents/models/record_store.h"
#include "base/files.h"
#include "tests/agents/gateway_fixture.h"
#include "tests/support/model_server.h"

namespace podium::agents {
namespace {

using tests::KeptEvents;
using tests::ModelServer;
using tests::ReceivedRequest;
using tests::ScriptedReply;
using tests::StreamedText;
using tests::StreamedToolCall;
using tests::WholeText;

class ChatClientTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::Make("podium-chat");
    ASSERT_TRUE(made);
    temp_.emplace(std::move(*made));
  }

  // One request against a server of the given script.
  Result<ChatReply> Ask(const ModelServer& server,
                        std::chrono::milliseconds limit = std::chrono::seconds(30),
                        const std::string& words = "hi") {
    ModelConfig config = config_;
    config.base_url = server.base_url();
    Result<ChatReply> out = Fail(ErrorCode::kInternal, "did not run");
    Reactor reactor(1);
    HttpClient http =
        scrubbing_ ? HttpClient()
                   : HttpClient([](const HttpRequest&) { return std::vector<std::string>(); });
    ProviderGate gate;
    TrialModelsOptions trial = trial_;
    trial.record_dir = temp_->path();
    for (const auto& [type, event] : events_.all) AddEvent(type, event.dump(), trial.before);
    TrialModels models(reactor, http, gate, events_, trial);
    ChatClient client(models, config);
    auto run = reactor.Run([&]() -> Task<Status> {
      ChatRequest request;
      request.messages = {{"user", words}};
      Deadline deadline = Deadline::In(limit);
      out = co_await client.Complete(std::move(request), deadline);
      co_return Status{};
    });
    EXPECT_TRUE(run);
    outage_ = client.outage();
    spent_ = models.spent();
    return out;
  }

  // All that lies in the record, unpacked.
  std::string Records() const {
    std::string out;
    RecordStore store(temp_->path());
    for (const auto& request : store.Requests())
      out += request + "\n" + store.Find(request).value_or("") + "\n";
    return out;
  }

  ModelConfig config_{.model = "m", .api_key = "sk-canary/RED+7f3a9c"};
  TrialModelsOptions trial_;
  Spent spent_;
  bool scrubbing_ = true;
  KeptEvents events_;
  Millis outage_{0};

 private:
  std::optional<TempDir> temp_;
};

TEST_F(ChatClientTest, PutsAStreamTogether) {
  ModelServer server(
      [](int, const ReceivedRequest&) { return StreamedText("a long answer, in pieces"); });
  auto reply = Ask(server);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->content, "a long answer, in pieces");
  EXPECT_EQ(reply->finish_reason, "stop");
  EXPECT_EQ(reply->usage.prompt, 100);
  EXPECT_EQ(server.requests()[0].authorization, "Bearer sk-canary/RED+7f3a9c");
  EXPECT_EQ(server.requests()[0].target, "/v1/chat/completions");
}

TEST_F(ChatClientTest, ReadsAServerThatDoesNotStreamAndAToolCall) {
  ModelServer whole([](int, const ReceivedRequest&) { return WholeText("plain"); });
  EXPECT_EQ(Ask(whole)->content, "plain");
  ModelServer tool([](int, const ReceivedRequest&) {
    return StreamedToolCall("submit_review", R"({"metric": 0.5, "summary": "x"})");
  });
  auto reply = Ask(tool, std::chrono::seconds(30), "other words");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->call()->name, "submit_review");
  EXPECT_EQ(reply->call()->arguments, R"({"metric": 0.5, "summary": "x"})");
}

TEST_F(ChatClientTest, TheSameRequestIsNeverPaidTwice) {
  ModelServer server([](int, const ReceivedRequest&) { return StreamedText("once"); });
  EXPECT_FALSE(Ask(server)->replayed);
  auto again = Ask(server);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->content, "once");
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(ChatClientTest, RetriesWhatMayPassAndHonoursTheServersWish) {
  ModelServer server([](int number, const ReceivedRequest&) -> ScriptedReply {
    if (number == 0) return {.status = 503, .headers = {{"retry-after-ms", "20"}}};
    if (number == 1) return {.status = 429, .body = "slow down", .headers = {{"retry-after", "0"}}};
    return StreamedText("at last");
  });
  auto reply = Ask(server);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->content, "at last");
  EXPECT_EQ(reply->usage.calls, 3);
}

TEST_F(ChatClientTest, AnOutageMovesTheDeadlineAndIsNoAttempt) {
  ModelServer server([](int number, const ReceivedRequest&) -> ScriptedReply {
    if (number == 0)
      return {.status = 429, .body = "slow down", .headers = {{"retry-after-ms", "700"}}};
    if (number < 7) return {.status = 503, .headers = {{"retry-after-ms", "1"}}};
    return StreamedText("at last");
  });
  auto reply = Ask(server, std::chrono::milliseconds(600));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->usage.calls, 8) << "more than five attempts";
  EXPECT_GE(outage_, Millis(700));
  auto outages = events_.Of("outage");
  ASSERT_EQ(outages.size(), 1u);
  EXPECT_EQ(outages[0]["waited_ms"], outage_.count());
}

TEST_F(ChatClientTest, AnOutageLongerThanTheLongestIsInfrastructure) {
  config_.max_outage = Millis(400);
  ModelServer server([](int, const ReceivedRequest&) -> ScriptedReply { return {.status = 503}; });
  auto reply = Ask(server);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(reply.error().message.find("llm.max_outage"), std::string::npos);
  ModelServer later([](int, const ReceivedRequest&) -> ScriptedReply {
    return {.status = 429, .headers = {{"retry-after", "120"}}};
  });
  EXPECT_EQ(Ask(later).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(later.requests().size(), 1u) << "it need not be waited for";
}

TEST_F(ChatClientTest, AnOutageInsideA200IsWaitedForToo) {
  ModelServer server([](int number, const ReceivedRequest&) -> ScriptedReply {
    if (number == 0) return {.body = R"({"choices": null, "error": {"code": 502}})"};
    return StreamedText("second");
  });
  auto reply = Ask(server);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_GT(outage_, Millis(0));
}

TEST_F(ChatClientTest, WhatCannotBeReadGetsItsAttemptsAndThenIsInfrastructure) {
  config_.max_attempts = 2;
  ModelServer server([](int number, const ReceivedRequest&) -> ScriptedReply {
    return number == 0 ? ScriptedReply{.body = "<html>"} : StreamedText("second");
  });
  EXPECT_TRUE(Ask(server));
  EXPECT_EQ(outage_, Millis(0));
  ModelServer nonsense([](int, const ReceivedRequest&) -> ScriptedReply {
    return {.body = R"(data: {"choices":[{"delta":{"content":"cut"}}]})"};
  });
  auto reply = Ask(nonsense, std::chrono::seconds(30), "other");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kModel);
  EXPECT_EQ(nonsense.requests().size(), 2u);
}

TEST_F(ChatClientTest, AServerThatFallsSilentIsLeftAfterTheIdleTime) {
  config_.idle_timeout = Millis(100);
  ModelServer server([](int number, const ReceivedRequest&) -> ScriptedReply {
    ScriptedReply reply = StreamedText("second");
    if (number == 0) reply.delay = std::chrono::seconds(600);
    return reply;
  });
  auto reply = Ask(server);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(ChatClientTest, AFieldThatTheServerNamesIsLeftOutOrRenamed) {
  ModelServer server([](int, const ReceivedRequest& request) -> ScriptedReply {
    auto has = [&](const char* field) { return request.body.find(field) != std::string::npos; };
    if (has("\"max_tokens\""))
      return {.status = 400, .body = R"({"error": {"param": "max_tokens", "message":
                          "not supported, use max_completion_tokens"}})"};
    if (has("\"temperature\""))
      return {.status = 400, .body = R"({"error": {"param": "temperature"}})"};
    return StreamedText("plain");
  });
  auto reply = Ask(server);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_NE(server.requests()[2].body.find("max_completion_tokens"), std::string::npos);
  ModelServer never([](int, const ReceivedRequest&) -> ScriptedReply {
    return {.status = 400, .body = R"({"error": {"param": "seed"}})"};
  });
  EXPECT_FALSE(Ask(never, std::chrono::seconds(30), "other"));
  EXPECT_EQ(never.requests().size(), 2u) << "once";
}

TEST_F(ChatClientTest, ARefusalForContentIsTheAskersAffair) {
  ModelServer server([](int, const ReceivedRequest&) -> ScriptedReply {
    return {.status = 400, .body = R"({"error": {"code": "content_filter"}})"};
  });
  auto reply = Ask(server);
  ASSERT_FALSE(reply);
  EXPECT_TRUE(IsContentRefusal(reply.error()));
}

TEST_F(ChatClientTest, ARedirectIsNamedAndNotFollowed) {
  ModelServer server([](int, const ReceivedRequest&) -> ScriptedReply {
    return {.status = 308, .headers = {{"Location", "https://elsewhere/v1"}}};
  });
  auto reply = Ask(server);
  ASSERT_FALSE(reply);
  EXPECT_NE(reply.error().message.find("https://elsewhere/v1"), std::string::npos);
  EXPECT_EQ(server.requests().size(), 1u);
}

// A server that quotes the key in what it answers, plainly and in pieces of a stream.
ScriptedReply Quoting(int, const ReceivedRequest&) {
  return StreamedText("you sent sk-canary/RED+7f3a9c and so on");
}

TEST_F(ChatClientTest, AKeyThatIsQuotedBackLiesInNoRecordAndNoError) {
  ModelServer refusing([](int, const ReceivedRequest& request) -> ScriptedReply {
    return {.status = 401, .body = "no: " + request.authorization};
  });
  ModelServer quoting([](int, const ReceivedRequest& request) -> ScriptedReply {
    Json body = Json::parse(WholeText("hello").body);
    body["debug"] = request.authorization;
    return {.body = body.dump()};
  });
  EXPECT_EQ(Ask(refusing).error().message.find(config_.api_key), std::string::npos);
  EXPECT_TRUE(Ask(quoting));
  EXPECT_NE(Records().find("Bearer [key]"), std::string::npos);
  EXPECT_EQ(Records().find(config_.api_key), std::string::npos);
  scrubbing_ = false;
  auto refused = Ask(refusing, std::chrono::seconds(30), "not recorded");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find(config_.api_key), std::string::npos);
  EXPECT_TRUE(Ask(quoting, std::chrono::seconds(30), "other"));
  EXPECT_NE(Records().find(config_.api_key), std::string::npos) << "planted, it would be found";
}

TEST_F(ChatClientTest, AKeyInPiecesOfAStreamIsFoundWhenTheyArePutTogether) {
  ModelServer server(Quoting);
  auto reply = Ask(server);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->content, "you sent [key] and so on");
  EXPECT_EQ(Records().find("sk-canar"), std::string::npos) << "a piece of it";
  EXPECT_NE(Records().find("[key]"), std::string::npos) << "it was looked for in the right place";
}

TEST_F(ChatClientTest, DoesNotRetryWhatCannotPass) {
  for (auto [status, body] :
       {std::pair{401, "bad key"}, {400, "bad request"}, {429, "insufficient_quota"}}) {
    ModelServer server([=](int, const ReceivedRequest&) -> ScriptedReply {
      return {.status = status, .body = body};
    });
    auto reply = Ask(server);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, ErrorCode::kModel);
    EXPECT_NE(reply.error().message.find(body), std::string::npos) << reply.error().message;
    EXPECT_EQ(server.requests().size(), 1u);
  }
}

TEST_F(ChatClientTest, AServerThatNeverAnswersEndsAtTheDeadline) {
  ModelServer server([](int, const ReceivedRequest&) -> ScriptedReply {
    return {.status = 200, .delay = std::chrono::seconds(600)};
  });
  auto reply = Ask(server, std::chrono::seconds(1));
  ASSERT_FALSE(reply);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(ChatClientTest, AHangUpIsTriedAgain) {
  ModelServer server([](int number, const ReceivedRequest&) -> ScriptedReply {
    if (number == 0) return {.hang_up = true};
    return StreamedText("second");
  });
  EXPECT_EQ(Ask(server)->content, "second");
}

}  // namespace
}  // namespace podium::agents
