// The toy format in the gateway, in a catalogue and under a native scaffold's client.
#include "toy_format.h"

#include <gtest/gtest.h>

#include "agents/models/chat_client.h"
#include "agents/models/wire/registry.h"
#include "base/json.h"
#include "tests/agents/gateway_fixture.h"
#include "tests/support/model_server.h"

namespace podium::tests {
namespace {

using namespace podium::agents;

constexpr const char* kAnswer = R"({"say": "hello", "why": "end", "count": {"in": 20, "out": 3}})";

class ToyFormatTest : public GatewayTest {
 protected:
  static void SetUpTestSuite() {
    auto registered = RegisterWireFormat(toy::ToyFormat());
    ASSERT_TRUE(registered) << registered.error().message;
  }
};

TEST_F(ToyFormatTest, AProgramIsServedMeteredAndKeptToItsFields) {
  Attempt(Always(kAnswer), [&](Live& live) -> Task<void> {
    Answered good =
        co_await Post(live, "/v1/toy", R"({"model": "m", "ask": ["user: hi"], "who": "me"})");
    EXPECT_EQ(good.status, 200) << good.body;
    EXPECT_EQ(good.json()["say"], "hello");
    Answered bad = co_await Post(live, "/v1/toy", R"({"model": "m", "surprise": 1})");
    EXPECT_EQ(bad.status, 403);
    EXPECT_EQ(bad.code(), "field_not_allowed");
  });
  EXPECT_EQ(spent_.tokens, (TokenCount{20, 0, 0, 3}));
  ASSERT_EQ(received_.size(), 1u);
  EXPECT_EQ(received_[0].target, "/v1/toy");
  EXPECT_EQ(received_[0].Header("x-toy-key"), "sk-real-secret");
  Json sent = Json::parse(received_[0].body);
  EXPECT_EQ(sent["model"], "upstream-m");
  EXPECT_EQ(sent["most"], 1000) << "the model's longest answer, where none is declared";
  EXPECT_FALSE(sent.contains("who"));
  EXPECT_EQ(events_.Of("model_call")[0]["format"], "toy");
}

TEST_F(ToyFormatTest, ACatalogueMayNameIt) {
  auto root = ParseYaml(
      "schema: podium-models/1\n"
      "models:\n"
      "  - {id: t, provider: p, formats: [toy], base_url: 'http://h/v1', max_output_tokens: 5,\n"
      "     context_tokens: 9, price: {input: '1', output: '1', source: s, as_of: '2026'}}\n",
      "models.yaml");
  ASSERT_TRUE(root);
  auto catalogue = ModelCatalogue::From(*root);
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  EXPECT_TRUE(catalogue->models()[0].Serves(toy::ToyFormat()));
}

TEST_F(ToyFormatTest, ANativeScaffoldAsksInIt) {
  ModelServer server([](int number, const ReceivedRequest&) -> ScriptedReply {
    if (number == 0)
      return {.body = R"({"error": {"code": 503}})", .headers = {{"retry-after-ms", "1"}}};
    return {.body = kAnswer};
  });
  Reactor reactor(1);
  HttpClient http;
  ProviderGate gate;
  TrialModels models(reactor, http, gate, events_, trial_);
  ModelConfig config;
  config.model = "m";
  config.format = "toy";
  config.base_url = server.base_url();
  ChatClient client(models, config);
  Result<ChatReply> reply = Fail(ErrorCode::kInternal, "did not run");
  auto run = reactor.Run([&]() -> Task<Status> {
    ChatRequest request;
    request.messages = {{"user", "hi"}};
    Deadline deadline = Deadline::In(std::chrono::seconds(30));
    reply = co_await client.Complete(std::move(request), deadline);
    co_return Status{};
  });
  ASSERT_TRUE(run);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->content, "hello");
  EXPECT_EQ(reply->usage.calls, 2) << "an outage is waited for in any format";
  EXPECT_EQ(models.spent().tokens.output, 3);
  EXPECT_EQ(server.requests()[1].target, "/v1/toy");
}

}  // namespace
}  // namespace podium::tests
