// What the calls of a trial share: events, waits that are no working time, the record's numbers.
#include <gtest/gtest.h>

#include "agents/models/blocked_time.h"
#include "agents/models/event_log.h"
#include "agents/models/piece_scrubber.h"
#include "agents/models/recorder.h"
#include "agents/models/wire/event_stream.h"
#include "agents/models/wire/registry.h"
#include "base/files.h"
#include "base/json.h"
#include "tests/agents/gateway_fixture.h"

namespace podium::agents {
namespace {

using tests::KeptEvents;

// Events that take a while to be written, off the loop.
class SlowEvents final : public EventSink {
 public:
  Status Record(records::Event event) override {
    if (const auto* flag = std::get_if<records::GatewayFlag>(&event)) written.push_back(flag->code);
    return status;
  }
  Task<Status> Append(records::Event event) override {
    Deadline later = Deadline::In(Millis(2));
    co_await SleepUntil(later);
    co_return Record(std::move(event));
  }
  std::vector<std::string> written;
  Status status;
};

records::Event Named(const std::string& code) { return records::GatewayFlag{code, "", 1}; }

TEST(EventLogTest, WritesInOrderWithoutHoldingUpWhoPosts) {
  Reactor reactor(1);
  SlowEvents events;
  auto run = reactor.Run([&]() -> Task<Status> {
    EventLog log(reactor, events);
    log.Post(Named("a"));
    log.Post(Named("b"));
    EXPECT_TRUE(events.written.empty()) << "nobody has waited";
    records::Event third = Named("c");
    co_await log.Append(std::move(third));
    EXPECT_EQ(events.written, (std::vector<std::string>{"a", "b", "c"}));
    log.Post(Named("d"));
    co_return co_await log.Flush();
  });
  EXPECT_TRUE(run);
  EXPECT_EQ(events.written.back(), "d");
}

TEST(EventLogTest, WhatIsLeftIsWrittenAtTheEndAndAFailureStays) {
  Reactor reactor(1);
  SlowEvents events;
  {
    EventLog log(reactor, events);
    log.Post(Named("a"));
    log.Post(Named("b"));
  }
  EXPECT_EQ(events.written, (std::vector<std::string>{"a", "b"}));
  events.status = Fail(ErrorCode::kIo, "the disk is full");
  auto run = reactor.Run([&]() -> Task<Status> {
    EventLog log(reactor, events);
    records::Event third = Named("c"), fourth = Named("d");
    co_await log.Append(std::move(third));
    EXPECT_FALSE(log.status());
    events.status = Status{};
    co_await log.Append(std::move(fourth));
    EXPECT_FALSE(log.status()) << "the first one counts";
    co_return Status{};
  });
  EXPECT_TRUE(run);
}

TEST(BlockedTimeTest, IsWhereSomeWaitAndNoneHasATurn) {
  Reactor reactor(1);
  KeptEvents events;
  EventLog log(reactor, events);
  OutageLog outages(log);
  BlockedTime blocked(outages);
  auto pause = [&]() -> Task<Status> {
    Deadline later = Deadline::In(Millis(20));
    co_await SleepUntil(later);
    co_return Status{};
  };
  blocked.Wait();
  blocked.Wait();
  ASSERT_TRUE(reactor.Run(pause));
  EXPECT_GE(outages.total(), Millis(15)) << "while it goes on";
  blocked.Enter();
  Millis first = outages.total();
  ASSERT_TRUE(reactor.Run(pause));
  EXPECT_EQ(outages.total(), first) << "one has its turn";
  blocked.Leave();
  ASSERT_TRUE(reactor.Run(pause));
  blocked.GiveUp();
  EXPECT_GE(outages.total(), first + Millis(15));
  ASSERT_TRUE(reactor.Run([&] { return log.Flush(); }));
  EXPECT_EQ(events.Of("outage").size(), 2u);
}

TEST(CallEventTest, AnUnknownPriceStaysUnknown) {
  records::ModelCall call{.model = "m", .input_tokens = 10};
  call.cost_usd = "";
  auto read = records::ParseEvent("model_call", records::BodyText(call), "an event");
  ASSERT_TRUE(read);
  EXPECT_EQ(std::get<records::ModelCall>(*read).cost_usd, "");
  EXPECT_NE(records::BodyText(call).find("\"cost_usd\":null"), std::string::npos);
  Spent spent;
  EXPECT_TRUE(AddEvent(call, spent));
  EXPECT_EQ(spent.cost.pico, 0);
}

TEST(CallEventTest, WhatWasThoughtIsToldApartWhereItIsKnown) {
  records::ModelCall call{.model = "m", .output_tokens = 30, .reasoning_tokens = 20};
  auto read = records::ParseEvent("model_call", records::BodyText(call), "an event");
  ASSERT_TRUE(read);
  EXPECT_EQ(std::get<records::ModelCall>(*read).reasoning_tokens, 20);
  Spent spent;
  EXPECT_TRUE(AddEvent(*read, spent));
  EXPECT_EQ(spent.tokens.output, 30) << "it is a part of them";
  EXPECT_EQ(spent.tokens.reasoning, 20);
  call.reasoning_tokens = 0;
  EXPECT_EQ(records::BodyText(call).find("reasoning"), std::string::npos);
}

TEST(RecorderTest, NumbersGoOnBehindWhatIsUsedUp) {
  auto temp = TempDir::Make("podium-recorder");
  ASSERT_TRUE(temp);
  Recorder first(temp->path());
  Turn a = first.Begin("p", "{}"), b = first.Begin("p", "{}");
  EXPECT_EQ(b.number, 1);
  first.Abandon(a);
  EXPECT_EQ(first.Begin("p", "{}").number, 0) << "a place that was given back";
  Recorder second(temp->path(), {a.digest});
  EXPECT_EQ(second.Begin("p", "{}").number, 1);
  EXPECT_EQ(second.Begin("q", "{}").number, 0) << "another path is another request";
}

constexpr const char* kKey = "sk-canary-0123456789";

// The text that a reader of the events gets, and all bytes.
std::pair<std::string, std::string> Scrubbed(const std::vector<std::string>& deltas,
                                             std::size_t cut) {
  std::string stream;
  for (const auto& delta : deltas) {
    Json choice = {{"index", 0}, {"delta", {{"content", delta}}}};
    stream += "data: " + Json{{"choices", Json::array({choice})}}.dump() + "\n\n";
  }
  stream +=
      "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
      "data: [DONE]\n\n";
  PieceScrubber scrubber(*FindWireFormat("chat"), {kKey});
  std::string out;
  for (std::size_t at = 0; at < stream.size(); at += cut)
    out += scrubber.Add(std::string_view(stream).substr(at, cut));
  out += scrubber.End();
  std::string said;
  EventStreamReader reader;
  for (const auto& event : reader.Add(out)) {
    Json data = Json::parse(event.data, nullptr, false);
    if (data.is_object()) said += data["choices"][0]["delta"].value("content", "");
  }
  return {said, out};
}

TEST(PieceScrubberTest, FindsAKeyHoweverItIsCut) {
  for (std::size_t cut : {1U, 7U, 64U, 100'000U}) {
    for (std::size_t size : {1U, 2U, 5U, 9U, 30U}) {
      std::vector<std::string> deltas;
      std::string text = std::string("it is ") + kKey + " and no other";
      for (std::size_t at = 0; at < text.size(); at += size)
        deltas.push_back(text.substr(at, size));
      auto [said, bytes] = Scrubbed(deltas, cut);
      EXPECT_EQ(said.find("sk-canar"), std::string::npos) << said;
      EXPECT_TRUE(said.ends_with("[key] and no other")) << said;
      EXPECT_EQ(bytes.find("0123"), std::string::npos) << "in no event";
    }
  }
}

TEST(PieceScrubberTest, WhatIsNoKeyGoesOnAsItCame) {
  auto [said, bytes] = Scrubbed({"s", "sk", "-canary", "-01", "x sk-", "canary-0", "1"}, 10);
  EXPECT_TRUE(said.ends_with("[key]")) << "the end may be a key's beginning: " << said;
  auto [plain, all] = Scrubbed({"it ", "ask", "s sk-", "can-do"}, 3);
  EXPECT_EQ(plain, "it asks sk-can-do");
  auto [late, later] = Scrubbed({"sk-canary-01", "2 was it"}, 1000);
  EXPECT_EQ(late, "sk-canary-012 was it") << "held back and given after all";
  PieceScrubber none(*FindWireFormat("chat"), {});
  EXPECT_EQ(none.Add("data: cut any"), "data: cut any");
}

TEST(PieceScrubberTest, EachFormatNamesItsPieces) {
  struct Case {
    const char* format;
    const char* before;
    const char* after;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"responses", R"({"type":"response.output_text.delta","delta":")", R"("})"},
           {"messages",
            R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":")",
            R"("}})"},
           {"gemini", R"({"candidates":[{"content":{"parts":[{"text":")", R"("}]}}]})"},
           {"completions", R"({"choices":[{"text":")", R"("}]})"}}) {
    PieceScrubber scrubber(*FindWireFormat(c.format), {kKey});
    std::string out;
    for (std::string half : {std::string(kKey).substr(0, 12), std::string(kKey).substr(12)})
      out += scrubber.Add("data: " + std::string(c.before) + half + c.after + "\n\n");
    out += scrubber.End();
    EXPECT_TRUE(scrubber.found()) << c.format;
    EXPECT_EQ(out.find("456789"), std::string::npos) << out;
    EXPECT_NE(out.find("[key]"), std::string::npos) << out;
  }
}

}  // namespace
}  // namespace podium::agents
