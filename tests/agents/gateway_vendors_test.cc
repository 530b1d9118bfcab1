// The gateway in the place of the vendors' own servers: over TLS, at their paths, under their names
// of models.
#include <gmock/gmock.h>

#include "agents/models/catalogue.h"
#include "agents/models/wire/registry.h"
#include "base/http/address.h"
#include "tests/agents/gateway_fixture.h"

namespace podium::tests {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class GatewayVendorsTest : public GatewayTest {
 protected:
  void SetUp() override {
    GatewayTest::SetUp();
    options_.vendor_hosts = {{"api.openai.com", "/v1"},
                             {"generativelanguage.googleapis.com", "/v1beta"},
                             {"generativelanguage.googleapis.com", "/v1beta/openai"},
                             {"openrouter.ai", "/api/v1"}};
  }

  Task<std::string> Ask(Live& live, std::string host, const std::string& path,
                        const std::string& body, const std::string& method = "POST") {
    std::string request = method + " " + path + " HTTP/1.1\r\nHost: " + host +
                          "\r\nConnection: close\r\nAuthorization: Bearer " + live.gateway.token() +
                          "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    co_return co_await RawTls(live, std::move(host), std::move(request));
  }
};

TEST_F(GatewayVendorsTest, EachServersOwnPathReachesTheFormat) {
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {"api.openai.com", "/v1/chat/completions", "/v1/chat/completions"},
      {"openrouter.ai", "/api/v1/chat/completions", "/v1/chat/completions"},
      {"generativelanguage.googleapis.com", "/v1beta/openai/chat/completions",
       "/v1/chat/completions"},
      {"generativelanguage.googleapis.com", "/v1beta/models/m:generateContent",
       "/v1/models/upstream-m:generateContent"}};
  Attempt(Always(ChatAnswer(5, 5, "over TLS")), [&](Live& live) -> Task<void> {
    for (const auto& [host, path, target] : cases) {
      bool gemini = path.ends_with("Content");
      std::string body = gemini ? R"({"contents": []})" : kAsk;
      std::string answer = co_await Ask(live, host, path, body);
      EXPECT_THAT(answer, HasSubstr("HTTP/1.1 200")) << host << path;
      EXPECT_THAT(answer, HasSubstr("over TLS"));
      EXPECT_EQ(received_.back().target, target);
    }
  });
  EXPECT_TRUE(events_.Flags().empty());
}

// As LiteLLM asks OpenRouter, which tells its usage always here.
TEST_F(GatewayVendorsTest, WhatAsksOpenrouterForItsUsageIsLeftOut) {
  Attempt(Always(ChatAnswer(5, 5)), [&](Live& live) -> Task<void> {
    std::string answer =
        co_await Ask(live, "openrouter.ai", "/api/v1/chat/completions",
                     R"({"model": "m", "messages": [], "usage": {"include": true}})");
    EXPECT_THAT(answer, HasSubstr("HTTP/1.1 200"));
  });
  EXPECT_FALSE(Json::parse(received_.at(0).body).contains("usage"));
  EXPECT_THAT(events_.Flags(), UnorderedElementsAre("field_dropped"));
}

TEST_F(GatewayVendorsTest, AStreamIsHandedOnPieceByPiece) {
  std::string events = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"}}]}\n\n";
  events += "data: [DONE]\n\n";
  Attempt(Always(events, "text/event-stream"), [&](Live& live) -> Task<void> {
    std::string answer = co_await Ask(live, "api.openai.com", "/v1/chat/completions", kAskStream);
    EXPECT_THAT(answer, HasSubstr("Transfer-Encoding: chunked"));
    EXPECT_THAT(answer, HasSubstr("[DONE]"));
  });
}

TEST_F(GatewayVendorsTest, ListsOfModelsStandAtTheirPathsToo) {
  Attempt(Nothing, [&](Live& live) -> Task<void> {
    std::string list = co_await Ask(live, "openrouter.ai", "/api/v1/models", "", "GET");
    EXPECT_THAT(list, HasSubstr(R"("id":"m")"));
    std::string google = co_await Ask(live, "generativelanguage.googleapis.com",
                                      "/v1beta/models?key=" + live.gateway.token(), "", "GET");
    EXPECT_THAT(google, HasSubstr(R"("name":"models/m")"));
  });
}

// Two vendors call theirs alike: the host that was asked says which is meant.
TEST_F(GatewayVendorsTest, TheHostDecidesWhoseModelIsMeant) {
  auto at = [this](const std::string& id, const std::string& base) {
    agents::Model model = MakeModel();
    model.id = id;
    model.aliases = {};
    model.upstream_name = "same";
    model.base_url = base;
    return model;
  };
  options_.models = {at("one", "https://api.openai.com/v1"),
                     at("two", "https://openrouter.ai/api/v1")};
  options_.models[1].formats = {agents::FindWireFormat("messages")};
  trial_.replay = true;  // nothing is sent
  const char* ask = R"({"model": "same", "messages": []})";
  Attempt(Nothing, [&](Live& live) -> Task<void> {
    std::string first = co_await Ask(live, "api.openai.com", "/v1/chat/completions", ask);
    EXPECT_THAT(first, HasSubstr("replay_miss"));
    std::string second = co_await Ask(live, "openrouter.ai", "/api/v1/chat/completions", ask);
    EXPECT_THAT(second, HasSubstr("model_not_allowed")) << "that one is asked in another format";
    second = co_await Ask(live, "openrouter.ai", "/api/v1/messages", ask);
    EXPECT_THAT(second, HasSubstr("replay_miss"));
    std::string none =
        co_await Ask(live, "generativelanguage.googleapis.com", "/v1/chat/completions", ask);
    EXPECT_THAT(none, HasSubstr("model_not_allowed")) << "neither is its own";
  });
}

TEST_F(GatewayVendorsTest, OtherNamesPathsAndKeysAreRefusedAndFlagged) {
  Attempt(Nothing, [&](Live& live) -> Task<void> {
    std::string other = co_await Ask(live, "example.org", "/v1/chat/completions", kAsk);
    EXPECT_THAT(other, HasSubstr("unrecognized name"));
    std::string path = co_await Ask(live, "openrouter.ai", "/api/v1/files", "{}");
    EXPECT_THAT(path, HasSubstr("route_not_allowed"));
    std::string request =
        "POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\nConnection: close\r\n"
        "Authorization: Bearer sk-stolen\r\nContent-Length: 2\r\n\r\n{}";
    std::string key = co_await RawTls(live, "api.openai.com", std::move(request));
    EXPECT_THAT(key, HasSubstr("invalid_api_key"));
  });
  EXPECT_THAT(events_.Flags(),
              UnorderedElementsAre("host_not_allowed", "route_not_allowed", "invalid_api_key"));
  EXPECT_TRUE(received_.empty());
}

TEST_F(GatewayVendorsTest, WithoutHostsThereIsNoTls) {
  options_.vendor_hosts = {};
  Attempt(Nothing, [&](Live& live) -> Task<void> {
    EXPECT_EQ(live.gateway.tls(), nullptr);
    co_return;
  });
}

TEST_F(GatewayVendorsTest, EveryVariableOfAKeyHoldsTheToken) {
  options_.models[0].key_env = "REAL_KEY";
  Attempt(Nothing, [&](Live& live) -> Task<void> {
    for (const auto& [name, value] : live.gateway.Environment("127.0.0.1:8000")) {
      if (name.ends_with("_KEY")) EXPECT_EQ(value, live.gateway.token()) << name;
    }
    EXPECT_THAT(live.gateway.Environment("127.0.0.1:8000"),
                Contains(std::pair<std::string, std::string>("REAL_KEY", live.gateway.token())));
    co_return;
  });
}

TEST(PublicHostTest, IsANameOfHttpsThatOthersKnow) {
  const std::pair<const char*, const char*> cases[] = {
      {"https://api.openai.com/v1", "api.openai.com"},
      {"HTTPS://User:pw@API.OpenAI.com:443/v1?x=1", "api.openai.com"},
      {"http://api.openai.com/v1", ""},
      {"https://api.openai.com:8443/v1", ""},
      {"https://localhost/v1", ""},
      {"https://server/v1", ""},
      {"https://models.internal/v1", ""},
      {"https://me.local/v1", ""},
      {"https://10.0.0.1/v1", ""},
      {"https://[::1]/v1", ""},
      {"https://example.org./v1", ""},
      {"", ""}};
  for (const auto& [url, host] : cases) EXPECT_EQ(PublicHost(url).value_or(""), host) << url;
}

TEST(VendorHostsTest, AreThoseOfTheAddressesAndThoseThatAreListed) {
  constexpr const char* kModels =
      "models:\n  - {id: a, base_url: \"https://api.openai.com/v1\"}\n"
      "  - {id: b, base_url: \"https://api.openai.com/v1/\"}\n"
      "  - {id: c, base_url: \"http://127.0.0.1:8000/v1\"}\n";
  auto read = [](const std::string& hosts) {
    auto root = ParseYaml("schema: podium-models/1\n" + hosts + kModels, "m.yaml");
    EXPECT_TRUE(root) << root.error().message;
    return agents::ModelCatalogue::From(*root);
  };
  auto catalogue = read("hosts: [openrouter.ai/api/v1, api.deepseek.com]\n");
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  std::vector<agents::VendorHost> all = {
      {"api.deepseek.com", ""}, {"api.openai.com", "/v1"}, {"openrouter.ai", "/api/v1"}};
  EXPECT_EQ(catalogue->vendor_hosts(), all);
  EXPECT_EQ(read("")->vendor_hosts().size(), 1u);
  for (const char* bad : {"https://openrouter.ai/api/v1", "localhost/v1", "10.0.0.1/v1", "A.org/v1",
                          "openrouter.ai:8443/v1", "\"\""}) {
    auto refused = read("hosts: [" + std::string(bad) + "]\n");
    ASSERT_FALSE(refused) << bad;
    EXPECT_THAT(refused.error().message, HasSubstr("m.yaml:2: 'hosts' lists public servers"));
  }
}

}  // namespace
}  // namespace podium::tests
