// The client against a scripted server over real HTTP.
#include "agents/llm/chat_client.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "tests/support/model_server.h"

namespace podium::agents {
namespace {

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
                        std::chrono::seconds limit = std::chrono::seconds(30),
                        const std::string& words = "hi") {
    ModelConfig config{.base_url = server.base_url(), .api_key = "secret", .model = "m"};
    Result<ChatReply> out = Fail(ErrorCode::kInternal, "did not run");
    Reactor reactor(1);
    HttpClient http;
    ChatClient client(http, config, temp_->path());
    auto run = reactor.Run([&]() -> Task<Status> {
      ChatRequest request;
      request.messages = {{"user", words}};
      Deadline deadline = Deadline::In(limit);
      out = co_await client.Complete(std::move(request), deadline);
      co_return Status{};
    });
    EXPECT_TRUE(run);
    return out;
  }

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
  EXPECT_EQ(server.requests()[0].authorization, "Bearer secret");
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
  EXPECT_EQ(reply->tool_name, "submit_review");
  EXPECT_EQ(reply->tool_arguments, R"({"metric": 0.5, "summary": "x"})");
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

TEST(ParseChatResponseTest, SaysWhatIsWrongWithNonsense) {
  EXPECT_FALSE(ParseChatResponse("<html>gateway</html>"));
  EXPECT_FALSE(ParseChatResponse("{}"));
  EXPECT_FALSE(ParseChatResponse("data: {\"error\": {\"message\": \"overloaded\"}}\n\n"));
  EXPECT_EQ(
      ParseChatResponse("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n")
          ->finish_reason,
      "cut")
      << "a stream without an end was cut";
}

}  // namespace
}  // namespace podium::agents
