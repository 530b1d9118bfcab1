// The client against a scripted server over real HTTP.
#include "agents/models/chat_client.h"

#include <gtest/gtest.h>

#include "agents/models/record_store.h"
#include "agents/models/wire/registry.h"
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
    TrialModelsOptions trial = Trial();
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

  // Of the next attempt of the trial.
  TrialModelsOptions Trial() const {
    TrialModelsOptions trial = trial_;
    trial.record_dir = temp_->path();
    for (const auto& [type, body] : events_.all) {
      auto event = records::ParseEvent(type, body.dump(), "an event");
      if (event) AddEvent(*event, trial.before);
    }
    return trial;
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

// The n-th answer says n.
ScriptedReply Numbered(int number, const ReceivedRequest&) {
  return StreamedText("answer " + std::to_string(number));
}

class AccountTest : public ChatClientTest {
 protected:
  AccountTest() {
    config_.prices = TokenPrices{{1'000'000}, {1'000'000}, {1'000'000}, {10'000'000}};
  }

  // Asks these in one attempt of the trial.
  std::vector<std::string> AskAll(const ModelServer& server, std::vector<std::string> words) {
    std::vector<std::string> out;
    config_.base_url = server.base_url();
    Reactor reactor(1);
    HttpClient http;
    ProviderGate gate;
    TrialModelsOptions trial = Trial();
    TrialModels models(reactor, http, gate, events_, trial);
    ChatClient client(models, config_);
    auto run = reactor.Run([&]() -> Task<Status> {
      for (const auto& word : words) {
        ChatRequest request;
        request.messages = {{"user", word}};
        Deadline deadline = Deadline::In(std::chrono::seconds(30));
        auto reply = co_await client.Complete(std::move(request), deadline);
        last_ = reply ? std::nullopt : std::optional(reply.error());
        out.push_back(reply ? reply->content : reply.error().message);
      }
      co_return Status{};
    });
    EXPECT_TRUE(run);
    spent_ = models.spent();
    return out;
  }

  std::optional<Error> last_;  // of the last attempt
};

using Texts = std::vector<std::string>;

TEST_F(AccountTest, ACallIsInTheJournalWithItsPrice) {
  ModelServer server(Numbered);
  AskAll(server, {"a"});
  auto calls = events_.Of("model_call");
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0]["model"], "m");
  EXPECT_EQ(calls[0]["format"], "chat");
  EXPECT_EQ(calls[0]["end"], "ok");
  EXPECT_EQ(calls[0]["input_tokens"], 100);
  EXPECT_EQ(calls[0]["cost_usd"], spent_.cost.Text());
  EXPECT_EQ(spent_.requests, 1);
  EXPECT_GT(spent_.cost.pico, 100'000'000);
  config_.prices.reset();
  AskAll(server, {"b"});
  EXPECT_TRUE(events_.Of("model_call")[1]["cost_usd"].is_null()) << "no price is not no cost";
}

TEST_F(AccountTest, TheSameAskedTwiceHasTwoAnswersAndAContinuedTrialHasBoth) {
  ModelServer server(Numbered);
  EXPECT_EQ(AskAll(server, {"a", "a", "b"}), (Texts{"answer 0", "answer 1", "answer 2"}));
  EXPECT_EQ(AskAll(server, {"a", "a", "b"}), (Texts{"answer 0", "answer 1", "answer 2"}));
  EXPECT_EQ(server.requests().size(), 3u);
  EXPECT_EQ(spent_.requests, 3) << "what is replayed is not paid";
}

TEST_F(AccountTest, WhatFinishedStepsUsedIsNotHandedOutAgain) {
  ModelServer server(Numbered);
  AskAll(server, {"a", "a"});
  trial_.used = {events_.Of("model_call")[0]["digest"].get<std::string>()};
  EXPECT_EQ(AskAll(server, {"a", "a"}), (Texts{"answer 1", "answer 2"}));
}

TEST_F(AccountTest, ABudgetThatDoesNotHoldTheNextCallIsTheAskersAffair) {
  ModelServer server(Numbered);
  trial_.budget.requests = 2;
  AskAll(server, {"a", "b", "c"});
  ASSERT_TRUE(last_);
  EXPECT_TRUE(IsBudgetExhausted(*last_));
  EXPECT_NE(last_->message.find("requests"), std::string::npos);
  EXPECT_EQ(server.requests().size(), 2u) << "nothing was sent";
  AskAll(server, {"a", "d"});
  EXPECT_TRUE(last_ && IsBudgetExhausted(*last_)) << "earlier attempts count";
  trial_.budget = {};
  trial_.budget.money = Usd{20'000'000'000};
  AskAll(server, {"e"});
  EXPECT_TRUE(last_ && IsBudgetExhausted(*last_)) << "2048 tokens of answer at 10 a million";
}

TEST_F(AccountTest, AnOutageIsNoPartOfABudgetAndAnUnreadableAnswerIs) {
  ModelServer server([](int number, const ReceivedRequest&) -> ScriptedReply {
    if (number < 3) return {.status = 503, .headers = {{"retry-after-ms", "1"}}};
    if (number == 3) return {.body = "<html>"};
    return StreamedText("at last");
  });
  trial_.budget.requests = 2;
  EXPECT_EQ(AskAll(server, {"a"}), Texts{"at last"});
  EXPECT_EQ(spent_.requests, 2);
  auto calls = events_.Of("model_call");
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0]["end"], "unreadable");
  EXPECT_GT(calls[0]["wait_ms"].get<int>(), 0) << "with the outage before it";
  EXPECT_GE(calls[0]["output_tokens"], 2048) << "all that it could have used";
}

TEST_F(AccountTest, ARecordOfBeforeIsAnsweredFrom) {
  ModelServer server(Numbered);
  ChatRequest request;
  request.messages = {{"user", "a"}};
  config_.output_limit_field = "max_completion_tokens";  // as the catalogue has it since
  std::string asked = FindWireFormat("chat")->Encode(request, {"m", {}, "max_tokens"});
  ASSERT_TRUE(RecordStore(Trial().record_dir).Save(asked, StreamedText("long ago").body));
  EXPECT_EQ(AskAll(server, {"a", "a"}), (Texts{"long ago", "answer 0"}));
  EXPECT_EQ(events_.Of("model_call")[0]["replayed"], true);
  config_.format = "messages";
  ModelServer other([](int, const ReceivedRequest&) { return ScriptedReply{.status = 401}; });
  EXPECT_EQ(AskAll(other, {"a"})[0], "long ago");
}

TEST_F(AccountTest, AReplayNeedsNoServerAndSaysWhatDiffers) {
  {
    ModelServer server(Numbered);
    AskAll(server, {"a"});
  }
  ModelServer nobody([](int, const ReceivedRequest&) { return ScriptedReply{.status = 500}; });
  trial_.replay = true;
  EXPECT_EQ(AskAll(nobody, {"a"}), Texts{"answer 0"});
  std::string miss = AskAll(nobody, {"b"})[0];
  EXPECT_NE(miss.find("/request/messages/0/content: recorded \"a\", asked \"b\""),
            std::string::npos)
      << miss;
  EXPECT_TRUE(nobody.requests().empty());
}

TEST_F(AccountTest, OtherFormatsAreAskedAtTheirPathsWithTheirKeys) {
  ModelServer server([](int, const ReceivedRequest& request) -> ScriptedReply {
    bool gemini = request.target.find("GenerateContent") != std::string::npos;
    ChatReply reply;
    reply.content = "hello";
    reply.finish_reason = gemini ? "STOP" : "end_turn";
    return {.body = FindWireFormat(gemini ? "gemini" : "messages")->EncodeReply(reply)};
  });
  config_.format = "messages";
  EXPECT_EQ(AskAll(server, {"a"}), Texts{"hello"});
  config_.format = "gemini";
  EXPECT_EQ(AskAll(server, {"a"}), Texts{"hello"});
  EXPECT_EQ(server.requests()[0].target, "/v1/messages");
  EXPECT_EQ(server.requests()[1].target, "/v1/models/m:streamGenerateContent?alt=sse");
  EXPECT_EQ(server.requests()[0].authorization, "") << "its key is in another header";
}

}  // namespace
}  // namespace podium::agents
