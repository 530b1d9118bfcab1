// Faults that are made on purpose: which requests meet which, and what becomes of them for a native
// scaffold and for a program.
#include "agents/models/injected_faults.h"

#include <gtest/gtest.h>

#include "agents/models/chat_client.h"
#include "agents/models/wire/decode.h"
#include "agents/models/wire/registry.h"
#include "tests/agents/gateway_fixture.h"
#include "tests/support/model_server.h"
#include "tests/support/wire_answers.h"

namespace podium::agents {
namespace {

using tests::ModelServer;
using tests::ReceivedRequest;
using tests::ScriptedReply;

constexpr const char* kFormats[] = {"chat", "responses", "messages", "gemini"};
constexpr Injection kKinds[] = {
    Injection::kRateLimit, Injection::kServerError,   Injection::kOverloaded, Injection::kNoAnswer,
    Injection::kCutStream, Injection::kErrorEvent,    Injection::kHang,       Injection::kEmpty,
    Injection::kProse,     Injection::kMalformedTool, Injection::kTruncated};
const std::string kSaid = "Grüße, a text of some length.";

// No events are kept.
struct Nowhere final : EventSink {
  Status Record(records::Event) override { return {}; }
};

AskShape Chat(std::string tool = "") {
  return {.format = FindWireFormat("chat"),
          .model = "m",
          .stream = true,
          .events = true,
          .tool = std::move(tool)};
}

// A seed whose request `number` meets a fault at once and nothing then.
std::uint64_t SeedOf(const FaultPlan& plan, EventLog& log, std::int64_t number,
                     const AskShape& shape, int faults = 1) {
  for (std::uint64_t seed = 0;; ++seed) {
    FaultInjector injector(plan, seed, log);
    int met = 0;
    while (injector.Draw(number, met, shape)) ++met;
    if (met == faults) return seed;
  }
}

TEST(InjectedFaultsTest, DependOnSeedAndNumberAlone) {
  Reactor reactor(1);
  Nowhere nowhere;
  EventLog log(reactor, nowhere);
  FaultInjector injector({0.5, {Injection::kRateLimit, Injection::kServerError, Injection::kEmpty}},
                         7, log);
  // Computed apart, from SplitMix64's definition.
  constexpr std::string_view kExpected[] = {"",      "", "", "",      "empty", "empty",
                                            "empty", "", "", "empty", "empty", "429"};
  for (int number = 11; number >= 0; --number) {
    auto met = injector.Draw(number, 0, Chat());
    EXPECT_EQ(met ? InjectionName(*met) : "", kExpected[number]) << number;
  }
}

TEST(InjectedFaultsTest, AreAsOftenAsTheRateSays) {
  Reactor reactor(1);
  Nowhere nowhere;
  EventLog log(reactor, nowhere);
  FaultInjector one({0.1, {Injection::kEmpty}}, 1, log), two({0.1, {Injection::kEmpty}}, 2, log);
  int met = 0, both = 0;
  for (int number = 0; number < 10'000; ++number) {
    bool first = one.Draw(number, 0, Chat()).has_value();
    met += first;
    both += first && two.Draw(number, 0, Chat());
  }
  EXPECT_GT(met, 900);
  EXPECT_LT(met, 1100);
  EXPECT_LT(both, 160) << "another seed has faults of its own";
}

TEST(InjectedFaultsTest, AFaultThatCannotHappenIsNotDrawn) {
  Reactor reactor(1);
  Nowhere nowhere;
  EventLog log(reactor, nowhere);
  FaultInjector tools({0.9, {Injection::kMalformedTool}}, 1, log);
  for (int number = 0; number < 50; ++number) EXPECT_FALSE(tools.Draw(number, 0, Chat()));
  FaultInjector embeddings({0.9, {Injection::kEmpty, Injection::kServerError}}, 1, log);
  AskShape shape{.format = FindWireFormat("embeddings"), .model = "m"};
  int met = 0;
  for (int number = 0; number < 50; ++number) {
    auto fault = embeddings.Draw(number, 0, shape);
    met += fault.has_value();
    EXPECT_NE(fault, Injection::kEmpty);
  }
  EXPECT_GT(met, 30);
}

// One request of a native scaffold that meets `faults` faults of this kind.
class Asked {
 public:
  Asked(const std::string& format, Injection kind, int faults)
      : format_(format), server_([&](int, const ReceivedRequest&) {
          return ScriptedReply{.body = tests::StreamOf(format_, {.text = kSaid}),
                               .headers = {{"Content-Type", "text/event-stream"}}};
        }) {
    TrialModelsOptions options;
    options.record_dir = temp_.path();
    options.faults = {0.5, {kind}};
    {
      EventLog nowhere(reactor_, events_);
      options.seed = SeedOf(options.faults, nowhere, 0, Chat("t"), faults);
    }
    options_ = options;
  }

  // With the record of the askings before.
  Result<ChatReply> Ask() {
    TrialModels models(reactor_, http_, gate_, events_, options_);
    ModelConfig config{.model = "m", .format = format_};
    config.base_url = server_.base_url();
    config.idle_timeout = Millis(50);
    ChatClient client(models, config);
    ChatRequest request;
    request.messages = {{"user", "hi", {}, {}}};
    request.tools = {{"t", "a tool", R"({"type": "object"})"}};
    Deadline deadline = Deadline::In(std::chrono::seconds(60));
    Result<ChatReply> reply = Fail(ErrorCode::kInternal, "nothing was asked");
    auto run = reactor_.Run([&]() -> Task<Status> {
      reply = co_await client.Complete(std::move(request), deadline);
      co_return co_await models.Flush();
    });
    EXPECT_TRUE(run);
    return reply;
  }

  [[nodiscard]] std::size_t requests() const { return server_.requests().size(); }
  [[nodiscard]] const tests::KeptEvents& events() const { return events_; }
  TrialModelsOptions options_;

 private:
  std::string format_;
  TempDir temp_ = *TempDir::Make("podium-injected");
  tests::KeptEvents events_;
  ModelServer server_;
  Reactor reactor_{1};
  HttpClient http_;
  ProviderGate gate_;
};

// What a native scaffold is told of a fault of content; "" where it gets the model's answer.
void ExpectTold(Injection kind, const ChatReply& reply, const std::string& format) {
  SCOPED_TRACE(format + " " + std::string(InjectionName(kind)));
  if (IsOfTransport(kind) || kind == Injection::kEmpty) {
    EXPECT_EQ(reply.content, kSaid);
    return;
  }
  if (kind == Injection::kTruncated) {
    EXPECT_EQ(reply.stop, StopReason::kLength);
    EXPECT_EQ(reply.content, "Grüße, a text");
  } else if (kind == Injection::kProse) {
    EXPECT_EQ(reply.content.rfind("I would begin", 0), 0u);
    EXPECT_EQ(reply.stop, StopReason::kEnd);
  } else {
    ASSERT_EQ(reply.calls.size(), 1u);
    EXPECT_EQ(reply.calls[0].name, "t");
    EXPECT_EQ(reply.calls[0].arguments, format == "gemini" ? R"({"arguments":"{\""})" : "{\"");
  }
}

TEST(InjectedFaultsTest, EachInEachFormatIsAskedThroughOrMetByAScaffold) {
  for (const char* format : kFormats) {
    for (Injection kind : kKinds) {
      Asked asked(format, kind, 1);
      auto reply = asked.Ask();
      ASSERT_TRUE(reply) << format << " " << InjectionName(kind) << reply.error().message;
      ExpectTold(kind, *reply, format);
      bool answered = IsOfTransport(kind) || kind == Injection::kEmpty;
      bool sent = answered || kind == Injection::kTruncated;
      EXPECT_EQ(asked.requests(), sent ? 1u : 0u) << InjectionName(kind);
      auto met = asked.events().Of("injected_fault");
      ASSERT_EQ(met.size(), 1u) << InjectionName(kind);
      EXPECT_EQ(met[0]["kind"], InjectionName(kind));
      EXPECT_EQ(met[0]["number"], 0);
      EXPECT_TRUE(asked.events().Of("outage").empty()) << "it is no outage of the provider";
      auto calls = asked.events().Of("model_call");
      ASSERT_EQ(calls.size(), 1u) << "a fault is no call";
      EXPECT_EQ(calls[0]["output_tokens"], sent ? 25 : 0);
    }
  }
}

TEST(InjectedFaultsTest, MoreInARowThanAttemptsAreAskedThrough) {
  Asked asked("chat", Injection::kCutStream, 7);
  auto reply = asked.Ask();
  ASSERT_TRUE(reply) << "faults made on purpose never end a trial: " << reply.error().message;
  EXPECT_EQ(reply->content, kSaid);
  EXPECT_EQ(asked.events().Of("injected_fault").size(), 7u);
}

TEST(InjectedFaultsTest, TheSecondEmptyAnswerIsTheModels) {
  Asked asked("messages", Injection::kEmpty, 2);
  auto reply = asked.Ask();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->content, "");
  EXPECT_EQ(asked.requests(), 0u);
}

TEST(InjectedFaultsTest, ARecordedAnswerIsAskedThroughTheSameFaults) {
  for (Injection kind : {Injection::kServerError, Injection::kProse, Injection::kTruncated}) {
    Asked asked("chat", kind, 1);
    auto first = asked.Ask();
    asked.options_.replay = true;
    auto again = asked.Ask();
    ASSERT_TRUE(first && again) << InjectionName(kind);
    EXPECT_TRUE(again->replayed);
    EXPECT_EQ(again->content, first->content);
    auto met = asked.events().Of("injected_fault");
    ASSERT_EQ(met.size(), 2u) << InjectionName(kind);
    EXPECT_EQ(met[0], met[1]);
  }
}

}  // namespace
}  // namespace podium::agents

namespace podium::tests {
namespace {

using agents::Injection;

struct Way {
  const char* format;
  const char* path;
  const char* body;
  bool stream;
};
constexpr const char* kGemini =
    R"({"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "tools": [{"functionDeclarations": [{"name": "t"}]}]})";
constexpr Way kWays[] = {
    {"chat", "/v1/chat/completions",
     R"({"model": "m", "messages": [{"role": "user", "content": "hi"}], "tools": [{"type": "function", "function": {"name": "t"}}]})",
     false},
    {"chat", "/v1/chat/completions",
     R"({"model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}], "tools": [{"type": "function", "function": {"name": "t"}}]})",
     true},
    {"responses", "/v1/responses",
     R"({"model": "m", "stream": true, "input": "hi", "tools": [{"type": "function", "name": "t"}]})",
     true},
    {"messages", "/v1/messages",
     R"({"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}], "tools": [{"name": "t", "input_schema": {}}]})",
     false},
    {"messages", "/v1/messages",
     R"({"model": "m", "stream": true, "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}], "tools": [{"name": "t", "input_schema": {}}]})",
     true},
    {"gemini", "/v1beta/models/m:generateContent", kGemini, false},
    {"gemini", "/v1beta/models/m:streamGenerateContent?alt=sse", kGemini, true},
    {"gemini", "/v1beta/models/m:streamGenerateContent", kGemini, true}};

class InjectedAtGatewayTest : public GatewayTest {
 protected:
  // The first request meets one.
  void Inject(Injection kind) {
    trial_.faults = {0.9, {kind}};
    Reactor reactor(1);
    agents::Nowhere nowhere;
    agents::EventLog log(reactor, nowhere);
    trial_.seed = agents::SeedOf(trial_.faults, log, 0, agents::Chat("t"));
    options_.idle_timeout = Millis(50);
  }

  static HttpHandler Answers(const Way& way) {
    std::string body = way.stream ? StreamOf(way.format, {.text = agents::kSaid})
                                  : WholeOf(way.format, {.text = agents::kSaid});
    return Always(std::move(body), way.stream ? "text/event-stream" : "application/json");
  }

  Answered Ask(const Way& way) {
    Answered out;
    Attempt(Answers(way),
            [&](Live& live) -> Task<void> { out = co_await Post(live, way.path, way.body); });
    return out;
  }
};

void ExpectMet(Injection kind, const Way& way, const Answered& got) {
  int status = kind == Injection::kRateLimit     ? 429
               : kind == Injection::kServerError ? 500
               : kind == Injection::kOverloaded  ? 529
                                                 : 200;
  bool closed = kind == Injection::kNoAnswer || kind == Injection::kHang;
  EXPECT_EQ(got.status, closed ? 0 : status) << got.body;
  EXPECT_EQ(Header(got, "retry-after"), kind == Injection::kRateLimit ? "1" : "");
  if (closed || status != 200) {
    EXPECT_EQ(closed, !got.error.empty());
    return;
  }
  auto reply = agents::DecodeAnswer(*agents::FindWireFormat(way.format), got.body);
  EXPECT_EQ(kind == Injection::kCutStream, !got.error.empty()) << got.error;
  bool broken = kind == Injection::kCutStream || kind == Injection::kErrorEvent;
  ASSERT_EQ(reply.has_value(), !broken) << got.body;
  if (broken) return;
  EXPECT_EQ(reply->content.empty(), kind == Injection::kEmpty || kind == Injection::kMalformedTool)
      << got.body;
  EXPECT_EQ(reply->calls.size(), kind == Injection::kMalformedTool ? 1u : 0u) << got.body;
  if (kind == Injection::kTruncated) {
    EXPECT_EQ(reply->content, "Grüße, a text");
    EXPECT_EQ(reply->stop, agents::StopReason::kLength);
  }
}

TEST_F(InjectedAtGatewayTest, EachReachesTheProgramInItsFormat) {
  for (const Way& way : kWays) {
    for (Injection kind : agents::kKinds) {
      SCOPED_TRACE(std::string(way.path) + " " + std::string(agents::InjectionName(kind)));
      events_.all.clear();
      received_.clear();
      trial_.record_dir = dir() / std::to_string(&way - kWays) / agents::InjectionName(kind);
      Inject(kind);
      Answered got = Ask(way);
      ExpectMet(kind, way, got);
      EXPECT_EQ(received_.size(), kind == Injection::kTruncated ? 1u : 0u);
      auto met = events_.Of("injected_fault");
      ASSERT_EQ(met.size(), 1u);
      EXPECT_EQ(met[0]["kind"], agents::InjectionName(kind));
      EXPECT_TRUE(events_.Flags().empty());
      EXPECT_EQ(spent_.requests, agents::IsOfTransport(kind) ? 0 : 1);
      EXPECT_EQ(spent_.tokens.output, kind == Injection::kTruncated ? 25 : 0);
    }
  }
}

TEST_F(InjectedAtGatewayTest, AProgramThatBeginsAnewOrIsReplayedMeetsTheSame) {
  trial_.faults = {0.5, {Injection::kServerError, Injection::kProse}};
  std::vector<std::string> first, again, replayed;
  auto ask_into = [this](std::vector<std::string>& into) {
    return [this, &into](Live& live) -> Task<void> {
      for (int i = 0; i < 20; ++i) {
        Answered got = co_await Post(live, kWays[1].path, kWays[1].body);
        into.push_back(std::to_string(got.status) + got.body);
      }
    };
  };
  int answers = 0;
  HttpHandler counting = [&answers](HttpExchange& exchange) -> Task<void> {
    std::string body = StreamOf("chat", {.text = "answer " + std::to_string(answers++)});
    HttpHeaders headers = {{"Content-Type", "text/event-stream"}};
    auto told = co_await exchange.Answer(200, std::move(headers), std::move(body));
  };
  Attempt(counting, ask_into(first));
  auto met = events_.Of("injected_fault");
  EXPECT_GT(met.size(), 5u);
  EXPECT_LT(met.size(), 15u);
  EXPECT_GT(answers, 3);
  int before = answers;
  Attempt(counting, ask_into(again));
  EXPECT_EQ(again, first);
  trial_.replay = true;
  Attempt(counting, ask_into(replayed));
  EXPECT_EQ(replayed, first);
  EXPECT_EQ(answers, before) << "nothing is asked twice";
  EXPECT_EQ(events_.Of("injected_fault").size(), 3 * met.size());
}

TEST_F(InjectedAtGatewayTest, OfATranslatedModelItIsInTheAgentsFormat) {
  options_.models[0].formats = {agents::FindWireFormat("messages")};
  options_.models[0].translate = true;
  for (Injection kind : {Injection::kRateLimit, Injection::kProse, Injection::kTruncated}) {
    trial_.record_dir = dir() / agents::InjectionName(kind);
    Inject(kind);
    Answered got;
    HttpHandler provider =
        Always(StreamOf("messages", {.text = agents::kSaid}), "text/event-stream");
    Attempt(provider, [&](Live& live) -> Task<void> {
      got = co_await Post(live, kWays[1].path, kWays[1].body);
    });
    SCOPED_TRACE(agents::InjectionName(kind));
    ExpectMet(kind, kWays[1], got);
  }
}

}  // namespace
}  // namespace podium::tests
