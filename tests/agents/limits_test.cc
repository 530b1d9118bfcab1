// Limits a minute on the way of a call: native, and through the gateway.
#include "agents/models/chat_client.h"
#include "tests/agents/gateway_fixture.h"
#include "tests/support/model_server.h"

namespace podium::tests {
namespace {

TEST_F(GatewayTest, ALimitAMinuteHoldsForPrograms) {
  options_.models[0].limits = {{"model m", 2, 0}};
  options_.request_timeout = Millis(400);
  std::vector<int> statuses;
  Attempt(Always(ChatAnswer(10, 5)), [&](Live& live) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      auto answer = co_await Post(live, "/v1/chat/completions", kAsk);
      statuses.push_back(answer.status);
    }
  });
  EXPECT_EQ(statuses, (std::vector<int>{200, 200, 502}));
  EXPECT_EQ(received_.size(), 2u) << "the third waits for the next minute";
  EXPECT_EQ(events_.Of("outage").size(), 1u) << "which is no working time";
  EXPECT_EQ(spent_.tokens.output, 10) << "and costs nothing";
}

TEST_F(GatewayTest, ADelayInTheBodyOfARefusalHoldsTheProvider) {
  options_.request_timeout = Millis(400);
  HttpHandler busy = [](HttpExchange& exchange) -> Task<void> {
    std::string body = R"({"error": {"code": 429, "details": [{"retryDelay": "30s"}]}})";
    HttpHeaders headers = {{"Content-Type", "application/json"}};
    auto told = co_await exchange.Answer(429, std::move(headers), std::move(body));
  };
  std::vector<int> statuses;
  Attempt(busy, [&](Live& live) -> Task<void> {
    for (int i = 0; i < 2; ++i) {
      auto answer = co_await Post(live, "/v1/chat/completions", kAsk);
      statuses.push_back(answer.status);
    }
  });
  EXPECT_EQ(statuses, (std::vector<int>{429, 502}));
  EXPECT_EQ(received_.size(), 1u) << "nobody asks before that";
}

// One call of a trial of its own; what it said, or why it failed.
std::string AskedOnce(Reactor& reactor, HttpClient& http, agents::ProviderGate& gate,
                      const ModelServer& server, std::int64_t tokens_a_minute) {
  TempDir temp = *TempDir::Make("podium-limits");
  KeptEvents events;
  agents::TrialModelsOptions options;
  options.record_dir = temp.path();
  agents::TrialModels models(reactor, http, gate, events, options);
  agents::ModelConfig config{.model = "m"};
  config.base_url = server.base_url();
  config.max_outage = Millis(300);
  config.limits = {{"model m", 0, tokens_a_minute}};
  agents::ChatClient client(models, config);
  std::string out;
  auto run = reactor.Run([&]() -> Task<Status> {
    agents::ChatRequest request;
    request.messages.push_back({"user", "hi"});
    Deadline deadline = Deadline::In(std::chrono::seconds(30));
    auto reply = co_await client.Complete(std::move(request), deadline);
    out = reply ? reply->content : reply.error().message;
    co_return Status{};
  });
  EXPECT_TRUE(run);
  return out;
}

TEST(NativeLimitsTest, TrialsOfARunShareTheTokensOfAMinute) {
  // Each says that it used 101 tokens, and could have used over 2,000.
  ModelServer server([](int, const ReceivedRequest&) { return StreamedText("hello"); });
  Reactor reactor(1);
  HttpClient http;
  agents::ProviderGate gate, other;
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(AskedOnce(reactor, http, gate, server, 3'000), "hello") << "by what was used";
  EXPECT_EQ(AskedOnce(reactor, http, other, server, 100), "hello") << "alone in its minute";
  std::string second = AskedOnce(reactor, http, other, server, 100);
  EXPECT_NE(second.find("limits a minute"), std::string::npos) << second;
  EXPECT_EQ(server.requests().size(), 4u);
}

}  // namespace
}  // namespace podium::tests
