// The gateway between a client and a scripted provider, over real HTTP.
#include "agents/gateway/gateway.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/async/race.h"
#include "tests/agents/gateway_fixture.h"

namespace podium::tests {
namespace {

namespace asio = boost::asio;
using testing::Test;

// False when the socket is full for now.
bool SendDescriptor(int socket, std::string piece) {
  iovec part{piece.data(), piece.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{.msg_iov = &part, .msg_iovlen = 1};
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  *reinterpret_cast<int*>(CMSG_DATA(header)) = 0;
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) > 0;
}

TEST_F(GatewayTest, PassesACallThroughUnderItsOwnKeyAndName) {
  Answered answer;
  Attempt(Always(ChatAnswer(12, 3)), [&](Live& live) -> Task<void> {
    std::vector<std::string> headers = {"Authorization: Bearer " + live.gateway.token(),
                                        "Cookie: a=b", "X-Forwarded-For: 1.2.3.4",
                                        "OpenAI-Organization: mine"};
    answer = co_await Post(live, "/v1/chat/completions", kAsk, headers);
  });
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json()["choices"][0]["message"]["content"], "hello");
  ASSERT_EQ(received_.size(), 1u);
  EXPECT_EQ(received_[0].target, "/v1/chat/completions");
  EXPECT_EQ(received_[0].Header("authorization"), "Bearer sk-real-secret");
  for (const char* name : {"cookie", "x-forwarded-for", "openai-organization"})
    EXPECT_EQ(received_[0].Header(name), "") << name;
  Json sent = Json::parse(received_[0].body);
  EXPECT_EQ(sent["model"], "upstream-m");
  EXPECT_EQ(sent["max_completion_tokens"], 1000) << "no limit was declared";
  auto calls = events_.Of("model_call");
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0]["input_tokens"], 12);
  EXPECT_EQ(calls[0]["output_tokens"], 3);
  EXPECT_EQ(calls[0]["cost_usd"], "0.000042");
  EXPECT_EQ(calls[0]["replayed"], false);
  EXPECT_EQ(spent_.cost.Text(), "0.000042");
}

TEST_F(GatewayTest, EveryFormatReachesItsRouteWithItsKey) {
  const std::tuple<const char*, const char*, const char*, const char*> cases[] = {
      {"/v1/responses", R"({"model": "m", "input": "x"})", "/v1/responses", "authorization"},
      {"/v1/embeddings", R"({"model": "m", "input": "x"})", "/v1/embeddings", "authorization"},
      {"/v1/completions", R"({"model": "m", "prompt": "x"})", "/v1/completions", "authorization"},
      {"/v1/messages", R"({"model": "vendor/m", "max_tokens": 5, "messages": []})", "/v1/messages",
       "x-api-key"},
      {"/v1beta/models/m:generateContent", R"({"contents": []})",
       "/v1/models/upstream-m:generateContent", "x-goog-api-key"},
      {"/v1beta/models/m:streamGenerateContent?alt=sse&key=zzz", R"({"contents": []})",
       "/v1/models/upstream-m:streamGenerateContent?alt=sse", "x-goog-api-key"}};
  Attempt(Always("{}"), [&](Live& live) -> Task<void> {
    for (const auto& [path, body, target, header] : cases) {
      Answered answer = co_await Post(live, path, body);
      EXPECT_EQ(answer.status, 200) << path << answer.body;
      EXPECT_EQ(received_.back().target, target);
      std::string key(received_.back().Header(header));
      EXPECT_TRUE(key.ends_with("sk-real-secret")) << path << key;
    }
  });
  EXPECT_EQ(received_[3].Header("anthropic-version"), "2023-06-01");
  EXPECT_EQ(received_[3].Header("authorization"), "");
}

TEST_F(GatewayTest, OnlyListedBetasAreAskedFor) {
  Attempt(Always("{}"), [&](Live& live) -> Task<void> {
    std::vector<std::string> headers = {
        "x-api-key: " + live.gateway.token(), "anthropic-version: 2024-01-01",
        "anthropic-beta: prompt-caching-2024-07-31, files-api-2025-04-14"};
    std::string body = R"({"model": "m", "max_tokens": 5, "messages": []})";
    Answered answer = co_await Post(live, "/v1/messages", body, headers);
    EXPECT_EQ(answer.status, 200) << answer.body;
  });
  ASSERT_EQ(received_.size(), 1u);
  EXPECT_EQ(received_[0].Header("anthropic-version"), "2024-01-01");
  EXPECT_EQ(received_[0].Header("anthropic-beta"), "prompt-caching-2024-07-31");
  EXPECT_EQ(events_.Flags(), std::vector<std::string>{"beta_dropped"});
}

TEST_F(GatewayTest, EveryWayToGiveTheTokenWorksAndNothingElseDoes) {
  std::string token, ended;
  Attempt(Always(ChatAnswer(1, 1)), [&](Live& live) -> Task<void> {
    token = live.gateway.token();
    for (const std::string& header :
         {"Authorization: Bearer " + token, "x-api-key: " + token, "x-goog-api-key: " + token}) {
      std::vector<std::string> headers = {header};
      Answered answer = co_await Post(live, "/v1/chat/completions", kAsk, headers);
      EXPECT_EQ(answer.status, 200) << header;
    }
    std::vector<std::string> none;
    Answered by_query = co_await Post(live, "/v1/chat/completions?key=" + token, kAsk, none);
    EXPECT_EQ(by_query.status, 200);
    for (std::string wrong :
         {std::string("Authorization: Bearer x"), "Authorization: Basic " + token,
          "Authorization: Bearer " + token + "0",
          "Authorization: Bearer " + token.substr(0, 70) + "!",
          std::string("x-api-key: sk-real-secret"), std::string("A: b")}) {
      std::vector<std::string> headers = {wrong};
      Answered answer = co_await Post(live, "/v1/chat/completions", kAsk, headers);
      EXPECT_EQ(answer.status, 401) << wrong;
      EXPECT_EQ(answer.code(), "invalid_api_key");
    }
    Answered gemini = co_await Post(live, "/v1beta/models/m:generateContent", "{}", none);
    EXPECT_EQ(gemini.json()["error"]["status"], "UNAUTHENTICATED");
    live.gateway.End();
    Answered after = co_await Post(live, "/v1/chat/completions", kAsk);
    EXPECT_EQ(after.status, 401) << "the trial has ended";
  });
  EXPECT_EQ(received_.size(), 4u);
  EXPECT_EQ(token.size(), 7u + 64u);
  Attempt(Nothing, [&](Live& live) -> Task<void> {
    EXPECT_NE(live.gateway.token(), token);
    std::vector<std::string> headers = {"Authorization: Bearer " + token};
    Answered answer = co_await Post(live, "/v1/chat/completions", kAsk, headers);
    EXPECT_EQ(answer.status, 401) << "another trial's token";
  });
}

TEST_F(GatewayTest, UnknownRoutesAndModelsAreRefusedAndFlagged) {
  Attempt(Nothing, [&](Live& live) -> Task<void> {
    for (const char* path : {"/v1/files", "/v1/batches", "/admin", "/v1/chat/completions/x",
                             "/v1beta/models/m:batchGenerateContent", "/metrics"}) {
      Answered answer = co_await Post(live, path, kAsk);
      EXPECT_EQ(answer.status, 403) << path;
      EXPECT_EQ(answer.code(), "route_not_allowed") << path << answer.body;
      EXPECT_EQ(Header(answer, "x-should-retry"), "false");
    }
    Answered model =
        co_await Post(live, "/v1/chat/completions", R"({"model": "gpt-99", "messages": []})");
    EXPECT_EQ(model.status, 403);
    EXPECT_EQ(model.code(), "model_not_allowed");
    EXPECT_NE(model.json()["error"]["message"].get<std::string>().find("It may use: m."),
              std::string::npos);
    Answered gemini =
        co_await Post(live, "/v1beta/models/other:generateContent", R"({"contents": []})");
    EXPECT_EQ(gemini.code(), "model_not_allowed");
    Answered tool =
        co_await Post(live, "/v1/responses",
                      R"({"model": "m", "input": "x", "tools": [{"name": "of no kind"}]})");
    EXPECT_EQ(tool.code(), "tool_not_allowed");
  });
  EXPECT_TRUE(received_.empty());
  EXPECT_EQ(events_.Flags().size(), 9u);
  EXPECT_TRUE(events_.Of("model_call").empty());
}

TEST_F(GatewayTest, AnswersHealthAndListsOnlyItsOwnModels) {
  Attempt(Nothing, [&](Live& live) -> Task<void> {
    std::string health =
        co_await Raw(live, "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_NE(health.find("200"), std::string::npos) << health;
    std::string list = co_await Raw(
        live, "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nx-api-key: " + live.gateway.token() +
                  "\r\nConnection: close\r\n\r\n");
    EXPECT_NE(list.find(R"("id":"m")"), std::string::npos) << list;
    EXPECT_EQ(list.find("upstream-m"), std::string::npos) << list;
    std::string closed = co_await Raw(
        live, "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_NE(closed.find(" 401 "), std::string::npos) << closed;
  });
}

TEST_F(GatewayTest, AnUnknownTransferCodingHidesNoSecondRequest) {
  Attempt(Nothing, [&](Live& live) -> Task<void> {
    for (const char* coding : {"xchunked", "gzip, chunked", "identity"}) {
      std::string answer = co_await Raw(
          live, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: " +
                    std::string(coding) +
                    "\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
      EXPECT_TRUE(answer.starts_with("HTTP/1.1 501 ")) << coding << answer;
      EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << coding << answer;
    }
  });
}

TEST_F(GatewayTest, DescriptorsThatComeOverAUnixSocketAreNotTaken) {
  auto count = [] {
    return std::ranges::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                                 std::filesystem::directory_iterator());
  };
  Attempt(Nothing, [&](Live& live) -> Task<void> {
    sockaddr_un address{.sun_family = AF_UNIX};
    std::string path = (dir() / "socket").string();
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener.get(), 8), 0);
    UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    auto before = count();
    auto send = [&]() -> Task<void> {
      std::vector<std::string> pieces(1000, "x");
      pieces.front() = "GET /health HTTP/1.1\r\nHost: localhost\r\nX: ";
      pieces.back() = "\r\nConnection: close\r\n\r\n";
      for (const auto& piece : pieces) {
        while (!SendDescriptor(client.get(), piece)) {
          Deadline step = Deadline::In(Millis(1));
          co_await SleepUntil(step);
        }
      }
      for (std::string got; got.find("200 OK") == std::string::npos;) {
        char bytes[512];
        ssize_t n = ::recv(client.get(), bytes, sizeof bytes, 0);
        if (n > 0) got.append(bytes, static_cast<std::size_t>(n));
        if (n == 0) break;
        Deadline step = Deadline::In(Millis(1));
        co_await SleepUntil(step);
      }
      EXPECT_LE(count(), before + 2) << "the connection, and the folder that is listed";
    };
    auto ended = co_await Race(live.gateway.Serve(std::move(listener)), send());
    EXPECT_EQ(ended.index(), 1u);
  });
}

TEST_F(GatewayTest, ALargePromptIsFlaggedAndAHugeOneRefused) {
  options_.prompt_flag_bytes = 1000;
  options_.prompt_cap_bytes = 5000;
  auto ask = [](std::size_t size) {
    Json message = {{"role", "user"}, {"content", std::string(size, 'x')}};
    return Json{{"model", "m"}, {"messages", Json::array({message})}}.dump();
  };
  Attempt(Always(ChatAnswer(1, 1)), [&](Live& live) -> Task<void> {
    Answered large = co_await Post(live, "/v1/chat/completions", ask(2000));
    EXPECT_EQ(large.status, 200);
    Answered huge = co_await Post(live, "/v1/chat/completions", ask(6000));
    EXPECT_EQ(huge.status, 413);
    EXPECT_EQ(huge.code(), "request_too_large");
  });
  EXPECT_EQ(events_.Flags(), (std::vector<std::string>{"large_prompt", "request_too_large"}));
  EXPECT_EQ(received_.size(), 1u);
}

TEST_F(GatewayTest, AllThatIsUnderWayAtOnceHasACapAndABigBodyIsReadWhole) {
  options_.prompts_cap_bytes = 900'000;
  std::string big = R"({"model": "m", "messages": [{"role": "user", "content": ")" +
                    std::string(600'000, 'x') + "\"}]}";
  std::optional<Door> go, arrived;
  auto provider = [&](HttpExchange& exchange) -> Task<void> {
    arrived->Open();
    co_await go->Wait();
    HttpHeaders headers = {{"Content-Type", "application/json"}};
    std::string body = ChatAnswer(1, 1);
    auto told = co_await exchange.Answer(200, std::move(headers), std::move(body));
  };
  Attempt(provider, [&](Live& live) -> Task<void> {
    auto executor = co_await asio::this_coro::executor;
    go.emplace(executor);
    arrived.emplace(executor);
    auto first = co_await Open(live, "/v1/chat/completions", big);
    co_await arrived->Wait();
    Answered second = co_await Post(live, "/v1/chat/completions", big);
    EXPECT_EQ(second.status, 413);
    go->Open();
    auto head = co_await first->Head();
    EXPECT_EQ(head.status, 200);
    go->Open();
    Answered third = co_await Post(live, "/v1/chat/completions", big);
    EXPECT_EQ(third.status, 200) << "the first is over";
  });
  EXPECT_GT(received_.at(0).body.size(), 600'000u);
}

TEST_F(GatewayTest, AMissingKeyIsNamedBeforeAnythingRuns) {
  options_.variable = [](const std::string&) { return std::optional<std::string>(); };
  Reactor reactor(1);
  HttpClient http;
  agents::ProviderGate gate;
  agents::TrialModels live(reactor, http, gate, events_, trial_);
  auto gateway = agents::Gateway::Make(live, options_);
  ASSERT_FALSE(gateway);
  EXPECT_NE(gateway.error().message.find("REAL_KEY"), std::string::npos);
  trial_.replay = true;
  agents::TrialModels replayed(reactor, http, gate, events_, trial_);
  EXPECT_TRUE(agents::Gateway::Make(replayed, options_)) << "a replay needs none";
}

TEST_F(GatewayTest, FlagsThatAnAgentCausesAtWillAreCountedNotAllWritten) {
  Attempt(Nothing, [&](Live& live) -> Task<void> {
    for (int i = 0; i < 150; ++i) {
      Answered answer = co_await Post(live, "/admin", "{}");
      EXPECT_EQ(answer.status, 403);
    }
  });
  auto flags = events_.Of("gateway_flag");
  EXPECT_EQ(flags.size(), 21u);
  EXPECT_EQ(flags.back()["count"], 100);
}

}  // namespace
}  // namespace podium::tests
