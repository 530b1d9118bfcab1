// What a provider does, and what its client then sees and the trial pays.
#include <boost/asio/this_coro.hpp>

#include "agents/models/wire/event_stream.h"
#include "tests/agents/gateway_fixture.h"

namespace podium::tests {
namespace {

namespace asio = boost::asio;

TEST_F(GatewayTest, PiecesOfAStreamArriveBeforeItHasEnded) {
  std::string first, rest;
  std::optional<Door> door;
  auto provider = [&](HttpExchange& exchange) -> Task<void> {
    HttpHeaders headers = {{"Content-Type", "text/event-stream"}};
    auto begun = co_await exchange.Begin(200, std::move(headers));
    std::string one = "data: {\"choices\":[{\"delta\":{\"content\":\"first\"}}]}\n\n";
    auto sent = co_await exchange.Send(std::move(one));
    co_await door->Wait();
    std::string two =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6}}\n\n"
        "data: [DONE]\n\n";
    sent = co_await exchange.Send(std::move(two));
    auto ended = co_await exchange.End();
  };
  Attempt(provider, [&](Live& live) -> Task<void> {
    door.emplace(co_await asio::this_coro::executor);
    auto stream = co_await Open(live, "/v1/chat/completions", kAskStream);
    auto head = co_await stream->Head();
    EXPECT_EQ(head.status, 200);
    auto piece = co_await stream->Next();
    EXPECT_TRUE(piece);
    first = piece.value_or("");
    door->Open();
    for (;;) {
      piece = co_await stream->Next();
      EXPECT_TRUE(piece);
      if (!piece || piece->empty()) break;
      rest += *piece;
    }
  });
  EXPECT_NE(first.find("first"), std::string::npos);
  EXPECT_EQ(first.find("[DONE]"), std::string::npos);
  EXPECT_NE(rest.find("[DONE]"), std::string::npos);
  EXPECT_EQ(Json::parse(received_[0].body)["stream_options"]["include_usage"], true);
  auto calls = events_.Of("model_call");
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0]["output_tokens"], 6);
  EXPECT_EQ(calls[0]["end"], "ok");
}

// Begins a stream, then breaks it off.
Task<void> CutStream(HttpExchange& exchange) {
  HttpHeaders headers = {{"Content-Type", "text/event-stream"}};
  auto begun = co_await exchange.Begin(200, std::move(headers));
  std::string one = "data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n";
  auto sent = co_await exchange.Send(std::move(one));
}

TEST_F(GatewayTest, ACutStreamIsPaidAsReservedAndNotRecorded) {
  Answered answer;
  Attempt(CutStream, [&](Live& live) -> Task<void> {
    answer = co_await Post(live, "/v1/chat/completions", kAskStream);
  });
  EXPECT_NE(answer.body.find("half"), std::string::npos);
  EXPECT_NE(answer.error, "") << "the client must see that it was cut";
  auto calls = events_.Of("model_call");
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0]["end"], "cut");
  EXPECT_EQ(calls[0]["output_tokens"], 1000);
  EXPECT_EQ(AllRecords(), "");
}

TEST_F(GatewayTest, AClientThatLeavesPaysWhatWasReserved) {
  auto provider = [](HttpExchange& exchange) -> Task<void> {
    HttpHeaders headers = {{"Content-Type", "text/event-stream"}};
    auto begun = co_await exchange.Begin(200, std::move(headers));
    for (;;) {
      std::string piece = "data: " + std::string(100'000, 'x') + "\n\n";
      auto sent = co_await exchange.Send(std::move(piece));
      if (!sent) co_return;
    }
  };
  Attempt(provider, [&](Live& live) -> Task<void> {
    auto stream = co_await Open(live, "/v1/chat/completions", kAskStream);
    auto piece = co_await stream->Next();
    EXPECT_TRUE(piece);
    stream.reset();
    for (int i = 0; i < 500 && events_.Of("model_call").empty(); ++i) {
      Deadline step = Deadline::In(Millis(20));
      co_await SleepUntil(step);
    }
  });
  auto calls = events_.Of("model_call");
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0]["end"], "client_gone");
  EXPECT_EQ(calls[0]["output_tokens"], 1000);
}

TEST_F(GatewayTest, ACallInFlightAtTheEndIsSettledAndItsEventWritten) {
  std::optional<Door> never;
  std::optional<Door> arrived;
  auto provider = [&](HttpExchange&) -> Task<void> {
    arrived->Open();
    co_await never->Wait();
  };
  Attempt(provider, [&](Live& live) -> Task<void> {
    auto executor = co_await asio::this_coro::executor;
    never.emplace(executor);
    arrived.emplace(executor);
    auto stream = co_await Open(live, "/v1/chat/completions", kAsk);
    co_await arrived->Wait();
  });
  auto calls = events_.Of("model_call");
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0]["end"], "cancelled");
  EXPECT_GT(spent_.cost.pico, 0);
}

TEST_F(GatewayTest, TheProvidersErrorsPassThroughWithTheirWishes) {
  auto provider = [](HttpExchange& exchange) -> Task<void> {
    HttpHeaders headers = {{"Content-Type", "application/json"},
                           {"retry-after-ms", "1"},
                           {"x-ratelimit-remaining-requests", "0"},
                           {"Set-Cookie", "a=b"},
                           {"x-request-id", "r-1"}};
    std::string body = R"({"error": {"message": "key sk-real-secret is over its rate"}})";
    auto told = co_await exchange.Answer(429, std::move(headers), std::move(body));
  };
  Answered answer;
  Attempt(provider, [&](Live& live) -> Task<void> {
    answer = co_await Post(live, "/v1/chat/completions", kAsk);
  });
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(Header(answer, "retry-after-ms"), "1");
  EXPECT_EQ(Header(answer, "x-request-id"), "r-1");
  EXPECT_EQ(Header(answer, "x-ratelimit-remaining-requests"), "0");
  EXPECT_EQ(Header(answer, "set-cookie"), "");
  EXPECT_EQ(answer.json()["error"]["message"], "key [key] is over its rate");
  auto calls = events_.Of("model_call");
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0]["cost_usd"], "0") << "an error costs nothing";
  EXPECT_EQ(AllRecords(), "") << "another time the answer is another";
}

TEST_F(GatewayTest, AProviderThatIsNotThereIsABadGatewayInEachShape) {
  Attempt(Nothing, [&](Live& live) -> Task<void> {  // closes without an answer
    Answered openai = co_await Post(live, "/v1/chat/completions", kAsk);
    EXPECT_EQ(openai.status, 502);
    EXPECT_EQ(openai.code(), "upstream_unreachable");
    EXPECT_EQ(Header(openai, "x-should-retry"), "") << "clients may try again";
    std::string body = R"({"model": "m", "max_tokens": 5, "messages": []})";
    Answered anthropic = co_await Post(live, "/v1/messages", body);
    EXPECT_EQ(anthropic.json()["error"]["type"], "api_error");
    Answered gemini =
        co_await Post(live, "/v1beta/models/m:generateContent", R"({"contents": []})");
    EXPECT_EQ(gemini.json()["error"]["status"], "UNAVAILABLE");
  });
  EXPECT_EQ(spent_.requests, 3);
  EXPECT_GT(spent_.tokens.output, 0) << "the requests were sent: what they set aside is booked";
}

TEST_F(GatewayTest, AServerThatCannotBeReachedCostsNothing) {
  options_.models[0].base_url = "http://127.0.0.1:1/v1";  // nobody listens there
  Attempt(Nothing, [&](Live& live) -> Task<void> {
    Answered answer = co_await Post(live, "/v1/chat/completions", kAsk);
    EXPECT_EQ(answer.code(), "upstream_unreachable");
  });
  EXPECT_EQ(spent_.requests, 1);
  EXPECT_EQ(spent_.cost.pico, 0);
  EXPECT_EQ(spent_.tokens.output, 0);
}

TEST_F(GatewayTest, ARedirectIsNotFollowed) {
  auto provider = [](HttpExchange& exchange) -> Task<void> {
    HttpHeaders headers = {{"Location", "http://127.0.0.1:1/elsewhere"}};
    std::string none;
    auto told = co_await exchange.Answer(307, std::move(headers), std::move(none));
  };
  Answered answer;
  Attempt(provider, [&](Live& live) -> Task<void> {
    answer = co_await Post(live, "/v1/chat/completions", kAsk);
  });
  EXPECT_EQ(answer.status, 502);
  EXPECT_EQ(answer.code(), "upstream_redirect");
  EXPECT_EQ(Header(answer, "location"), "");
  EXPECT_EQ(received_.size(), 1u);
  EXPECT_EQ(events_.Flags(), std::vector<std::string>{"upstream_redirect"});
}

// A provider that quotes the key back letter by letter, as a model repeats what it was shown.
TEST_F(GatewayTest, AKeyOverSeveralEventsIsFoundAndTheRestGoesOnAsItCame) {
  constexpr std::string_view kSaid = "the key is sk-real-secret, as you asked";
  std::string stream;
  for (std::size_t at = 0; at < kSaid.size(); at += 3) {
    Json delta = {{"content", kSaid.substr(at, 3)}};
    Json choice = {{"index", 0}, {"delta", delta}};
    stream += "data: " + Json{{"choices", Json::array({choice})}, {"n", at}}.dump() + "\n\n";
  }
  stream +=
      "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6}}\n\n"
      "data: [DONE]\n\n";
  Answered answer;
  Attempt(Always(stream, "text/event-stream"), [&](Live& live) -> Task<void> {
    answer = co_await Post(live, "/v1/chat/completions", kAskStream);
  });
  std::string said;
  agents::EventStreamReader reader;
  for (const auto& event : reader.Add(answer.body)) {
    Json data = Json::parse(event.data, nullptr, false);
    if (data.is_object() && !data["choices"].empty())
      said += data["choices"][0]["delta"].value("content", "");
  }
  EXPECT_EQ(said.find("sk-real-"), std::string::npos) << said;
  EXPECT_NE(said.find("[key], as you asked"), std::string::npos) << said;
  EXPECT_EQ(AllRecords().find("-secret"), std::string::npos);
  EXPECT_TRUE(answer.body.starts_with(stream.substr(0, 100))) << "byte by byte";
  EXPECT_EQ(spent_.tokens.output, 6);
  EXPECT_EQ(events_.Flags(), std::vector<std::string>{"key_in_pieces"});
}

}  // namespace
}  // namespace podium::tests
