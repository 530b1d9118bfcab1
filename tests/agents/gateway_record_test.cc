// Budgets, records and replays of a gateway, over several attempts of one trial.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agents/models/provider_gate.h"
#include "agents/models/record_store.h"
#include "tests/agents/gateway_fixture.h"

namespace podium::tests {
namespace {

namespace asio = boost::asio;
using agents::Usd;

std::string Ask(const std::string& words, const std::string& more = "") {
  return R"({"model": "m", "messages": [{"role": "user", "content": ")" + words + R"("}])" + more +
         "}";
}

// The n-th answer says n.
HttpHandler Counting() {
  return [n = 0](HttpExchange& exchange) mutable -> Task<void> {
    HttpHeaders headers = {{"Content-Type", "application/json"}};
    std::string body = ChatAnswer(10, 5, "answer " + std::to_string(n++));
    auto told = co_await exchange.Answer(200, std::move(headers), std::move(body));
  };
}

std::string Text(const Answered& answer) {
  Json body = answer.json();
  return body.contains("choices") ? body["choices"][0]["message"]["content"].get<std::string>()
                                  : answer.body;
}

TEST_F(GatewayTest, TheSameRequestInAContinuedTrialIsAnsweredFromTheRecord) {
  std::vector<std::string> first, again;
  auto both = [&](std::vector<std::string>& into) {
    return [&](Live& live) -> Task<void> {
      for (const char* words : {"a", "a", "b"}) {
        Answered answer = co_await Post(live, "/v1/chat/completions", Ask(words));
        EXPECT_EQ(answer.status, 200);
        into.push_back(Text(answer));
      }
    };
  };
  Attempt(Counting(), both(first));
  EXPECT_EQ(first, (std::vector<std::string>{"answer 0", "answer 1", "answer 2"}))
      << "a prompt asked twice has two answers";
  Usd paid = spent_.cost;
  EXPECT_GT(paid.pico, 0);
  Attempt(Counting(), both(again));
  EXPECT_EQ(again, first);
  EXPECT_EQ(received_.size(), 3u) << "nothing is asked twice";
  EXPECT_EQ(spent_.cost, paid);
  EXPECT_EQ(spent_.requests, 3);
  auto calls = events_.Of("model_call");
  ASSERT_EQ(calls.size(), 6u);
  EXPECT_EQ(calls[3]["replayed"], true);
  EXPECT_EQ(calls[3]["digest"], calls[0]["digest"]);
  EXPECT_NE(calls[0]["digest"], calls[1]["digest"]);
}

TEST_F(GatewayTest, AStreamIsRecordedAndReplayedToTheByte) {
  const std::string stream =
      "data: {\"choices\":[{\"delta\":{\"content\":\"\xc3\xa9\"}}]}\n\n"
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6}}\n\n"
      "data: [DONE]\n\n";
  std::string first, again;
  auto ask = [&](std::string& into) {
    return [&](Live& live) -> Task<void> {
      Answered answer =
          co_await Post(live, "/v1/chat/completions",
                        Ask("x", R"(, "stream": true, "stream_options": {"include_usage": true})"));
      into = answer.body;
      EXPECT_EQ(answer.headers.empty(), false);
    };
  };
  Attempt(Always(stream, "text/event-stream"), ask(first));
  Attempt(Always("", "text/event-stream"), ask(again));
  EXPECT_EQ(first, stream);
  EXPECT_EQ(again, stream);
  EXPECT_EQ(received_.size(), 1u);
}

TEST_F(GatewayTest, NoSecretLiesInTheRecord) {
  std::string token;
  Attempt(Counting(), [&](Live& live) -> Task<void> {
    token = live.gateway.token();
    Answered answer = co_await Post(live, "/v1/chat/completions", Ask("a"));
    EXPECT_EQ(answer.status, 200);
  });
  std::string records = AllRecords();
  EXPECT_NE(records.find("answer 0"), std::string::npos);
  EXPECT_EQ(records.find("sk-real-secret"), std::string::npos);
  EXPECT_EQ(records.find(token), std::string::npos);
  for (const auto& [type, body] : events_.all) {
    EXPECT_EQ(body.dump().find("sk-real-secret"), std::string::npos);
    EXPECT_EQ(body.dump().find(token), std::string::npos);
  }
}

TEST_F(GatewayTest, AFailureTakesNoPlaceInTheRecord) {
  std::vector<int> statuses;
  auto provider = [n = 0](HttpExchange& exchange) mutable -> Task<void> {
    HttpHeaders headers = {{"Content-Type", "application/json"}};
    int status = n++ == 0 ? 503 : 200;
    std::string body = status == 200 ? ChatAnswer(1, 1, "good") : "{}";
    auto told = co_await exchange.Answer(status, std::move(headers), std::move(body));
  };
  auto twice = [&](Live& live) -> Task<void> {
    for (int i = 0; i < 2; ++i) {
      Answered answer = co_await Post(live, "/v1/chat/completions", Ask("a"));
      statuses.push_back(answer.status);
    }
  };
  Attempt(provider, twice);
  EXPECT_EQ(statuses, (std::vector<int>{503, 200}));
  Attempt(Counting(), [&](Live& live) -> Task<void> {
    Answered answer = co_await Post(live, "/v1/chat/completions", Ask("a"));
    EXPECT_EQ(Text(answer), "good");
  });
  EXPECT_EQ(received_.size(), 2u);
}

TEST_F(GatewayTest, ARefusalForGoodIsRecordedToo) {
  auto provider = [](HttpExchange& exchange) -> Task<void> {
    HttpHeaders headers = {{"Content-Type", "application/json"}};
    std::string body = R"({"error": {"code": "context_length_exceeded"}})";
    auto told = co_await exchange.Answer(400, std::move(headers), std::move(body));
  };
  auto ask = [&](Live& live) -> Task<void> {
    Answered answer = co_await Post(live, "/v1/chat/completions", Ask("a"));
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.code(), "context_length_exceeded");
  };
  Attempt(provider, ask);
  Attempt(provider, ask);
  EXPECT_EQ(received_.size(), 1u);
}

TEST_F(GatewayTest, AReplayAnswersWhatItKnowsAndNothingElse) {
  Attempt(Counting(), [&](Live& live) -> Task<void> {
    Answered answer = co_await Post(live, "/v1/chat/completions", Ask("the question"));
    EXPECT_EQ(answer.status, 200);
  });
  trial_.replay = true;
  options_.variable = [](const std::string&) { return std::optional<std::string>(); };
  Attempt(Counting(), [&](Live& live) -> Task<void> {
    Answered known = co_await Post(live, "/v1/chat/completions", Ask("the question"));
    EXPECT_EQ(Text(known), "answer 0");
    Answered other = co_await Post(live, "/v1/chat/completions", Ask("another question"));
    EXPECT_EQ(other.status, 403);
    EXPECT_EQ(other.code(), "replay_miss");
    Answered more = co_await Post(live, "/v1/chat/completions", Ask("the question"));
    EXPECT_EQ(more.code(), "replay_miss") << "it was asked once";
  });
  EXPECT_EQ(received_.size(), 1u) << "no live call";
  auto flags = events_.Of("gateway_flag");
  ASSERT_EQ(flags.size(), 2u);
  std::string detail = flags[0]["detail"];
  EXPECT_NE(detail.find("/request/messages/0/content"), std::string::npos) << detail;
  EXPECT_NE(detail.find("the question"), std::string::npos) << detail;
  EXPECT_NE(detail.find("another question"), std::string::npos) << detail;
}

// R27: thousands of small requests took as many files of the host as an agent liked.
TEST_F(GatewayTest, ARecordThatIsFullRefusesForGoodAndStillReplays) {
  trial_.record_cap_bytes = 8000;
  Attempt(Counting(), [&](Live& live) -> Task<void> {
    Answered first = co_await Post(live, "/v1/chat/completions", Ask("a"));
    EXPECT_EQ(first.status, 200);
    Answered second = co_await Post(live, "/v1/chat/completions", Ask("b"));
    EXPECT_EQ(second.status, 403);
    EXPECT_EQ(second.code(), "record_full");
  });
  EXPECT_EQ(received_.size(), 1u);
}

// R19: one miss read 789 MB of recorded prompts into memory.
TEST(RecordStoreTest, OnlyAsMuchIsReadAsIsAskedForAndTheNearestInSizeFirst) {
  TempDir temp = *TempDir::Make("podium-records");
  agents::RecordStore store(temp.path());
  for (std::size_t size : {10, 1000, 2000, 500'000})
    ASSERT_TRUE(store.Save(std::string(size, 'a'), "answer"));
  EXPECT_EQ(store.Requests().size(), 4u);
  auto near = store.Requests(1100, 3500);
  ASSERT_EQ(near.size(), 3u) << "the large one is not read";
  EXPECT_EQ(near.back().size(), 2000u);
  auto one = store.Requests(1100, 1500);
  ASSERT_FALSE(one.empty());
  EXPECT_EQ(one.back().size(), 1000u);
  EXPECT_GT(store.Bytes(), 0u);
}

TEST_F(GatewayTest, AnExhaustedBudgetIsARefusalThatNobodyTriesAgain) {
  trial_.budget.requests = 1;
  Attempt(Counting(), [&](Live& live) -> Task<void> {
    Answered first = co_await Post(live, "/v1/chat/completions", Ask("a"));
    EXPECT_EQ(first.status, 200);
    Answered second = co_await Post(live, "/v1/chat/completions", Ask("b"));
    EXPECT_EQ(second.status, 403);
    EXPECT_EQ(second.code(), "budget_exhausted");
    bool told = false;
    for (const auto& [name, value] : second.headers)
      told = told || (name == "x-should-retry" && value == "false");
    EXPECT_TRUE(told);
  });
  EXPECT_EQ(events_.Flags(), std::vector<std::string>{"budget_exhausted"});
  Attempt(Counting(), [&](Live& live) -> Task<void> {
    Answered again = co_await Post(live, "/v1/chat/completions", Ask("a"));
    EXPECT_EQ(again.status, 200) << "what was paid is answered";
    Answered third = co_await Post(live, "/v1/chat/completions", Ask("c"));
    EXPECT_EQ(third.code(), "budget_exhausted") << "the trial's budget, not the attempt's";
  });
  EXPECT_EQ(received_.size(), 1u);
}

TEST_F(GatewayTest, AnUndeclaredLimitIsSetToWhatTheBudgetHolds) {
  trial_.budget.output_tokens = 400;
  Attempt(Counting(), [&](Live& live) -> Task<void> {
    Answered first = co_await Post(live, "/v1/chat/completions", Ask("a"));
    EXPECT_EQ(first.status, 200);
    Answered declared =
        co_await Post(live, "/v1/chat/completions", Ask("b", R"(, "max_tokens": 500)"));
    EXPECT_EQ(declared.code(), "budget_exhausted") << "what was declared is not changed";
  });
  EXPECT_EQ(Json::parse(received_.at(0).body)["max_completion_tokens"], 400);
}

TEST_F(GatewayTest, SixtyFourAtOnceNeverPassTheLastOfTheBudget) {
  // Each could use 1,000 tokens of answer; the budget holds ten of those.
  trial_.budget.output_tokens = 10'000;
  int waiting = 0, answered = 0, refused = 0;
  std::optional<asio::steady_timer> open;
  auto provider = [&](HttpExchange& exchange) -> Task<void> {
    ++waiting;
    boost::system::error_code ec;
    co_await open->async_wait(asio::redirect_error(asio::use_awaitable, ec));
    HttpHeaders headers = {{"Content-Type", "application/json"}};
    std::string body = ChatAnswer(10, 1000);
    auto told = co_await exchange.Answer(200, std::move(headers), std::move(body));
  };
  Attempt(provider, [&](Live& live) -> Task<void> {
    auto executor = co_await asio::this_coro::executor;
    open.emplace(executor, asio::steady_timer::time_point::max());
    auto one = [this, &live, &answered, &refused](int i) -> Task<void> {
      std::string body = Ask(std::to_string(i), R"(, "max_tokens": 1000)");
      Answered answer = co_await Post(live, "/v1/chat/completions", std::move(body));
      EXPECT_TRUE(answer.status == 200 || answer.code() == "budget_exhausted") << answer.body;
      ++(answer.status == 200 ? answered : refused);
    };
    for (int i = 0; i < 64; ++i) asio::co_spawn(executor, one(i), [](std::exception_ptr) {});
    while (waiting + refused < 64) {
      Deadline step = Deadline::In(Millis(5));
      co_await SleepUntil(step);
    }
    open->cancel();
    while (answered + refused < 64) {
      Deadline step = Deadline::In(Millis(5));
      co_await SleepUntil(step);
    }
  });
  EXPECT_EQ(answered, 10);
  EXPECT_EQ(refused, 54);
  EXPECT_EQ(received_.size(), 10u);
  EXPECT_EQ(spent_.tokens.output, 10'000);
}

TEST(ProviderGatePlacesTest, NoMoreThanItsPlacesEnterAndAPauseHoldsAll) {
  Reactor reactor(1);
  agents::ProviderGate gate(2);
  std::vector<std::string> log;
  auto status = reactor.Run([&]() -> Task<Status> {
    Deadline soon = Deadline::In(Millis(1)), later = Deadline::In(Millis(60'000));
    auto a = co_await gate.Enter("p", "t", later);
    auto b = co_await gate.Enter("p", "t", later);
    EXPECT_TRUE(a && b);
    auto full = co_await gate.Enter("p", "t", soon);
    EXPECT_FALSE(full);
    auto elsewhere = co_await gate.Enter("q", "t", soon);
    EXPECT_TRUE(elsewhere);
    a.reset();
    auto c = co_await gate.Enter("p", "t", later);
    EXPECT_TRUE(c);
    c.reset();
    auto before = Deadline::Clock::now();
    gate.Hold("p", Millis(30));
    auto held = co_await gate.Enter("p", "t", later);
    EXPECT_TRUE(held);
    EXPECT_GE(Deadline::Clock::now() - before, Millis(30));
    co_return Status{};
  });
  EXPECT_TRUE(status);
}

}  // namespace
}  // namespace podium::tests
