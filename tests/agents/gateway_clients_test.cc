// What existing clients need of the gateway beside calls: other routes, lists in their own shape,
// streams without what they have not asked for (reference: what each was seen to send).
#include <gmock/gmock.h>

#include "agents/gateway/usage_filter.h"
#include "agents/models/wire/registry.h"
#include "tests/agents/gateway_fixture.h"

namespace podium::tests {
namespace {

using agents::FindWireFormat;
using agents::UsageFilter;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class GatewayClientsTest : public GatewayTest {};

TEST_F(GatewayClientsTest, OtherRoutesOfTheVendorsReachTheirOwn) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"/v1/models/m:generateContent", R"({"contents": []})",
       "/v1/models/upstream-m:generateContent"},
      {"/v1beta/models/m:countTokens", R"({"contents": []})", "/v1/models/upstream-m:countTokens"},
      {"/v1beta/models/m:batchEmbedContents",
       R"({"requests": [{"model": "models/m", "content": {"parts": [{"text": "x"}]}}]})",
       "/v1/models/upstream-m:batchEmbedContents"},
      {"/v1/messages/count_tokens", R"({"model": "m", "messages": []})",
       "/v1/messages/count_tokens"},
      {"/v1/responses/input_tokens", R"({"model": "m", "input": "x"})",
       "/v1/responses/input_tokens"}};
  Attempt(Always(R"({"totalTokens": 5})"), [&](Live& live) -> Task<void> {
    for (const auto& [path, body, target] : cases) {
      Answered answer = co_await Post(live, path, body);
      EXPECT_EQ(answer.status, 200) << path << answer.body;
      EXPECT_EQ(received_.back().target, target);
    }
  });
  Json embedded = Json::parse(received_[2].body);
  EXPECT_EQ(embedded["requests"][0]["model"], "models/upstream-m");
}

TEST_F(GatewayClientsTest, CountingCostsNothingAndIsARequestOfTheBudget) {
  trial_.budget.tokens = 1;
  trial_.budget.requests = 1;
  Attempt(Always(R"({"input_tokens": 7})"), [&](Live& live) -> Task<void> {
    const char* ask =
        R"({"model": "m", "messages": [{"role": "user", "content": "a prompt of many bytes"}]})";
    Answered first = co_await Post(live, "/v1/messages/count_tokens", ask);
    EXPECT_EQ(first.status, 200) << first.body;
    Answered second = co_await Post(live, "/v1/messages/count_tokens?again", ask);
    EXPECT_EQ(second.code(), "budget_exhausted") << second.body;
  });
  EXPECT_EQ(spent_.tokens, agents::TokenCount{});
  EXPECT_EQ(spent_.cost.pico, 0);
}

TEST_F(GatewayClientsTest, ListsHaveTheShapeOfWhoAsks) {
  Attempt(Nothing, [&](Live& live) -> Task<void> {
    auto get = [&live](const char* path, const char* header) {
      return std::string("GET ") + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
             header + live.gateway.token() + "\r\n\r\n";
    };
    std::string ask = get("/v1/models", "Authorization: Bearer ");
    EXPECT_THAT(co_await Raw(live, std::move(ask)), HasSubstr(R"("object":"list")"));
    ask = get("/v1/models", "x-goog-api-key: ");
    EXPECT_THAT(co_await Raw(live, std::move(ask)), HasSubstr(R"("name":"models/m")"));
    ask = get("/v1beta/models/m", "x-goog-api-key: ");
    EXPECT_THAT(co_await Raw(live, std::move(ask)), HasSubstr(R"("name":"models/m")"));
    ask = get("/v1/models/vendor/m", "Authorization: Bearer ");
    EXPECT_THAT(co_await Raw(live, std::move(ask)), HasSubstr(R"("id":"m")"));
  });
  EXPECT_TRUE(events_.Flags().empty());
}

TEST_F(GatewayClientsTest, WhetherItIsThereAndSpeaksSocketsIsToldWithoutAFlag) {
  Attempt(Nothing, [&](Live& live) -> Task<void> {
    std::string head = "HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    std::string answer = co_await Raw(live, std::move(head));
    EXPECT_THAT(answer, HasSubstr(" 200 "));
    EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
    std::string socket =
        "GET /v1/responses HTTP/1.1\r\nHost: localhost\r\nConnection: close, Upgrade\r\nUpgrade: "
        "websocket\r\n"
        "Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n";
    EXPECT_THAT(co_await Raw(live, std::move(socket)), HasSubstr(" 426 "));
  });
  EXPECT_TRUE(events_.Flags().empty());
}

constexpr const char* kStreamed =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}],\"usage\":null}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":2}}\n\n"
    "data: [DONE]\n\n";

TEST_F(GatewayClientsTest, AStreamHasNoChunkThatWasNotAskedFor) {
  Answered plain, asked, again;
  auto ask = [&](Live& live) -> Task<void> {
    plain = co_await Post(live, "/v1/chat/completions", kAskStream);
    asked =
        co_await Post(live, "/v1/chat/completions",
                      R"({"model": "m", "stream": true, "stream_options": {"include_usage": true},
                              "messages": [{"role": "user", "content": "hi"}]})");
  };
  Attempt(Always(kStreamed, "text/event-stream"), ask);
  EXPECT_THAT(plain.body, Not(HasSubstr("prompt_tokens")));
  EXPECT_THAT(plain.body, HasSubstr("\"stop\""));
  EXPECT_TRUE(plain.body.ends_with("data: [DONE]\n\n")) << plain.body;
  EXPECT_EQ(asked.body, kStreamed);
  EXPECT_EQ(spent_.tokens.input, 8) << "it was booked all the same";
  std::string first = plain.body;
  trial_.replay = true;
  Attempt(Nothing, ask);
  EXPECT_EQ(plain.body, first) << "replayed";
}

TEST_F(GatewayClientsTest, AModelsOwnPathHeadersAndKeyHeaderAreUsed) {
  options_.models[0].paths = {{"chat", "/openai/chat/completions"}};
  options_.models[0].headers = {{"x-team", "blue"}};
  options_.models[0].key_header = "api-key";
  options_.models[0].extra_fields = {"guided_json"};
  Attempt(Always(ChatAnswer(1, 1)), [&](Live& live) -> Task<void> {
    Answered answer = co_await Post(
        live, "/v1/chat/completions",
        R"({"model": "vendor/m", "guided_json": {}, "messages": [{"role": "user", "content": "x"}]})");
    EXPECT_EQ(answer.status, 200) << answer.body;
  });
  ASSERT_EQ(received_.size(), 1u);
  EXPECT_EQ(received_[0].target, "/v1/openai/chat/completions");
  EXPECT_EQ(received_[0].Header("x-team"), "blue");
  EXPECT_EQ(received_[0].Header("api-key"), "sk-real-secret");
  EXPECT_EQ(received_[0].Header("authorization"), "");
  EXPECT_TRUE(Json::parse(received_[0].body).contains("guided_json"));
}

TEST(UsageFilterTest, HidesTheSameHoweverTheBytesCome) {
  for (std::size_t piece : {1u, 3u, 50u, 1000u}) {
    UsageFilter filter(*FindWireFormat("chat"));
    std::string out;
    std::string_view text = kStreamed;
    for (std::size_t at = 0; at < text.size(); at += piece)
      out += filter.Add(text.substr(at, piece));
    out += filter.End();
    EXPECT_THAT(out, Not(HasSubstr("prompt_tokens"))) << piece;
    EXPECT_THAT(out, HasSubstr("\"hi\""));
    EXPECT_TRUE(out.ends_with("[DONE]\n\n")) << piece;
  }
  UsageFilter cut(*FindWireFormat("chat"));
  EXPECT_EQ(cut.Add("data: {\"usage\""), "");
  EXPECT_EQ(cut.End(), "data: {\"usage\"") << "an end is not held back";
}

}  // namespace
}  // namespace podium::tests
