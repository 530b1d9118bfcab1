// What servers really send: event streams, JSON, dates, errors, shapes of an answer.
#include <gtest/gtest.h>

#include "agents/models/retry_after.h"
#include "agents/models/wire/decode.h"
#include "agents/models/wire/event_stream.h"
#include "agents/models/wire/foreign_json.h"
#include "agents/models/wire/model_fault.h"
#include "agents/models/wire/registry.h"
#include "base/http/address.h"

namespace podium::agents {
namespace {

// The data of all events, one byte at a time and all at once.
std::vector<std::string> EventsOf(std::string_view text) {
  std::vector<std::string> bytes, all;
  EventStreamReader one, whole;
  auto take = [](const std::vector<StreamEvent>& events, std::vector<std::string>& out) {
    for (const auto& event : events) out.push_back(event.type + "|" + event.data);
  };
  for (char c : text) take(one.Add(std::string_view(&c, 1)), bytes);
  take(one.End(), bytes);
  take(whole.Add(text), all);
  take(whole.End(), all);
  EXPECT_EQ(bytes, all) << text;
  return all;
}

using Texts = std::vector<std::string>;

TEST(EventStreamTest, FollowsTheStandard) {
  EXPECT_EQ(EventsOf("data: a\n\ndata:b\r\n\r\ndata: c\r\r"), (Texts{"|a", "|b", "|c"}));
  EXPECT_EQ(EventsOf("\xEF\xBB\xBF"
                     "data: a\n\n"),
            Texts{"|a"});
  EXPECT_EQ(EventsOf("data: {\ndata:  \"x\": 1\ndata: }\n\n"), Texts{"|{\n \"x\": 1\n}"});
  EXPECT_EQ(EventsOf(": alive\n\n:\n\nid: 1\n\nevent: ping\ndata:\n\ndata\n\n"), Texts{});
  EXPECT_EQ(EventsOf("event: error\nretry: 5\ndata: x\n\ndata: y\n\n"), (Texts{"error|x", "|y"}));
  EXPECT_EQ(EventsOf("data: last"), Texts{"|last"}) << "servers leave the blank line out";
}

TEST(ForeignJsonTest, ReadsWhatTheStandardForbids) {
  for (const char* text :
       {"\xEF\xBB\xBF{\"a\": 1}", "{\"a\": 1, \"b\": NaN, \"c\": [-Infinity, Infinity]}",
        "{\"a\": 1, \"b\": \"h\xE2\x9C\"}", R"({"a": 1, "b": "\ud83d"})",
        R"({"a": 1, "b": "\ude00 x"})", "{\"a\": 1, \"b\": \"two\nlines\"}",
        "{\"a\": 1, \"b\": 1e999}"}) {
    auto json = ParseForeignJson(text, "answer");
    ASSERT_TRUE(json) << text << json.error().message;
    EXPECT_EQ((*json)["a"], 1) << text;
    EXPECT_NE(DumpJson(*json), "");
  }
  EXPECT_EQ((*ParseForeignJson("{\"b\": \"h\xE2\x9C!\"}", ""))["b"], "h\xEF\xBF\xBD\xEF\xBF\xBD!");
  EXPECT_EQ((*ParseForeignJson(R"({"b": "\ud83d\ude00"})", ""))["b"], "\xF0\x9F\x98\x80");
  EXPECT_EQ((*ParseForeignJson(R"({"b": "NaN, \\ud83d", "c": NaN})", ""))["b"], "NaN, \\ud83d");
  EXPECT_FALSE(ParseForeignJson("", ""));
  EXPECT_FALSE(ParseForeignJson("{\"a\": ", ""));
}

TEST(ForeignJsonTest, CountsAreReadWholeOrNotAtAll) {
  Json json = {{"n", 11},     {"f", 11.0},   {"t", "11"},       {"half", 1.5},
               {"minus", -1}, {"word", "x"}, {"null", nullptr}, {"huge", 1e300}};
  for (const char* key : {"n", "f", "t"}) EXPECT_EQ(ForeignCount(json, key), 11) << key;
  for (const char* key : {"half", "minus", "word", "null", "huge", "none"})
    EXPECT_FALSE(ForeignCount(json, key)) << key;
}

TEST(RetryAfterTest, ReadsSecondsAndTheThreeFormsOfADate) {
  WallTime now = std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) + std::chrono::hours(8) +
                 std::chrono::minutes(49) + std::chrono::seconds(30);
  auto wish = [&](const std::string& value) { return RetryAfter({{"retry-after", value}}, now); };
  EXPECT_EQ(wish("2"), Millis(2000));
  EXPECT_EQ(wish("0.5"), Millis(500));
  EXPECT_EQ(wish("Sun, 06 Nov 1994 08:49:37 GMT"), Millis(7000));
  EXPECT_EQ(wish("Sunday, 06-Nov-94 08:49:37 GMT"), Millis(7000));
  EXPECT_EQ(wish("Sun Nov  6 08:49:37 1994"), Millis(7000));
  EXPECT_EQ(wish("Sun, 06 Nov 1994 08:00:00 GMT"), Millis(0)) << "a date that has passed";
  for (const char* far : {"Sun, 06 Nov 3988 08:49:34 GMT", "Sun Nov  6 08:49:37 2147483647"})
    EXPECT_GT(*wish(far), std::chrono::hours(24 * 365)) << "as long as one can say: " << far;
  for (const char* value : {"", "soon", "-1", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994"})
    EXPECT_FALSE(wish(value)) << value;
  EXPECT_EQ(RetryAfter({{"retry-after", "9"}, {"retry-after-ms", "20"}}, now), Millis(20));
  EXPECT_EQ(RetryAfter({{"date", "Sun, 06 Nov 1994 08:49:36 GMT"},
                        {"retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"}},
                       now + std::chrono::hours(1)),
            Millis(1000))
      << "by the server's own clock";
}

TEST(ModelFaultTest, IsJudgedByItsCodeWhereverThatStands) {
  struct Case {
    int status;
    const char* body;
    FaultKind kind;
  };
  for (const Case& c : std::initializer_list<Case>{
           {429, "slow down", FaultKind::kOutage},
           {429, R"({"error": {"code": "insufficient_quota"}})", FaultKind::kRefused},
           {500, "", FaultKind::kOutage},
           {529, R"({"error": {"message": "overloaded"}})", FaultKind::kOutage},
           {401, R"({"error": {"message": "bad key"}})", FaultKind::kRefused},
           {404, "no model", FaultKind::kRefused},
           {200, R"({"error": {"code": 502, "message": "Bad gateway"}})", FaultKind::kOutage},
           {200, R"({"error": {"code": "429", "message": "x"}})", FaultKind::kOutage},
           {200, R"({"error": {"type": "overloaded_error"}})", FaultKind::kOutage},
           {200, R"({"error": {"status": "UNAVAILABLE"}})", FaultKind::kOutage},
           {200, R"([{"error": {"code": 503}}])", FaultKind::kOutage},
           {200, R"({"object": "error", "code": 500, "message": "x"})", FaultKind::kOutage},
           {200, R"({"error": "the server is temporarily busy"})", FaultKind::kOutage},
           {200, R"({"error": {"code": "invalid_api_key"}})", FaultKind::kRefused},
           {200, R"({"error": {"message": "hm"}})", FaultKind::kUnreadable},
           {400, R"({"error": {"code": "content_filter"}})", FaultKind::kContent},
           {403, R"({"error": {"message": "requires moderation"}})", FaultKind::kContent},
           {400, R"({"error": {"code": "context_length_exceeded"}})", FaultKind::kOverflow},
           {413, "<html>", FaultKind::kOverflow}})
    EXPECT_EQ(JudgeError(c.status, c.body).kind, c.kind) << c.status << " " << c.body;
}

TEST(ModelFaultTest, NamesTheFieldThatAServerDoesNotTake) {
  auto field = [](const char* body) { return JudgeError(400, body).field; };
  EXPECT_EQ(field(R"({"error": {"param": "max_tokens", "message": "Unsupported parameter:
                  'max_tokens'. Use 'max_completion_tokens' instead."}})"),
            "max_tokens>max_completion_tokens");
  EXPECT_EQ(field(R"({"error": {"param": "temperature", "code": "unsupported_value"}})"),
            "temperature");
  EXPECT_EQ(field(R"({"error": {"message": "Unrecognized request argument supplied: seed"}})"),
            "seed");
  EXPECT_EQ(field(R"({"detail": [{"loc": ["body", "stream_options"],
                  "msg": "Extra inputs are not permitted"}]})"),
            "stream_options");
  EXPECT_EQ(field(R"({"error": "model x does not support tools"})"), "tools");
  EXPECT_EQ(field(R"({"error": {"message": "bad request"}})"), "");
}

tl::expected<ChatReply, ModelFault> ParseChatResponse(const std::string& body) {
  return DecodeAnswer(*FindWireFormat("chat"), body);
}

ChatReply Read(const std::string& message, const std::string& finish = "stop") {
  auto reply = ParseChatResponse(R"({"choices": [{"index": 0, "message": )" + message +
                                 R"(, "finish_reason": ")" + finish + R"("}]})");
  EXPECT_TRUE(reply) << message;
  return reply.value_or(ChatReply{});
}

TEST(ChatReplyTest, JoinsTheTextPartsOfAList) {
  EXPECT_EQ(Read(R"({"content": [{"type": "thinking", "thinking": "hm"},
                 {"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}},
                 {"type": "output_text", "text": "b"}, "c"]})")
                .content,
            "abc");
  EXPECT_EQ(Read(R"({"content": {"type": "text", "text": "a"}})").content, "a");
  EXPECT_EQ(Read(R"({"content": null, "reasoning_content": "x"})", "length").content, "");
}

TEST(ChatReplyTest, ReadsCallsInTheirShapes) {
  for (const char* message :
       {R"({"tool_calls": [{"function": {"name": "f", "arguments": {"metric": 1}}}]})",
        R"({"tool_calls": {"function": {"name": "f", "arguments": "{\"metric\":1}"}}})",
        R"({"tool_calls": [{"name": "f", "arguments": {"metric": 1}}]})",
        R"({"function_call": {"name": "f", "arguments": "{\"metric\":1}"}})",
        R"({"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{\"metric\":1}"}},
            {"id": "b", "function": {"name": "f", "arguments": "{\"metric\":2}"}}]})",
        R"({"tool_calls": [{"id": "", "function": {"name": "g", "arguments": "{\"met"}},
            {"id": "", "function": {"name": "f", "arguments": "{\"metric\":1}"}}]})"}) {
    ChatReply reply = Read(message, "tool_calls");
    ASSERT_TRUE(reply.call()) << message;
    EXPECT_EQ(reply.call()->name, "f") << message;
    EXPECT_EQ(reply.call()->arguments, R"({"metric":1})") << message;
  }
}

std::string Chunk(const std::string& delta) {
  return R"(data: {"choices": [{"index": 0, "delta": )" + delta + "}]}\n\n";
}
constexpr const char* kEnd = "data: {\"choices\": [{\"finish_reason\": \"tool_calls\"}]}\n\n";

TEST(ChatReplyTest, GroupsStreamedCallsByIndexElseById) {
  auto call = [](const std::string& head, const std::string& arguments) {
    return Chunk("{\"tool_calls\": [{" + head +
                 "\"function\": {\"name\": \"f\", \"arguments\": \"" + arguments + "\"}}]}");
  };
  for (const std::string& body :
       {call("\"index\": 0, \"id\": \"a\", ", "{") + call("\"index\": 1, \"id\": \"b\", ", "{2") +
            call("\"index\": 0, ", "}") + kEnd,
        call("\"id\": \"a\", ", "{") + call("\"id\": \"b\", ", "{2") +
            call("\"id\": \"a\", ", "}") + kEnd,
        call("\"index\": 0, \"id\": \"a\", ", "{}") + call("\"index\": 0, \"id\": \"b\", ", "{}") +
            kEnd}) {
    auto reply = ParseChatResponse(body);
    ASSERT_TRUE(reply) << body;
    EXPECT_EQ(reply->call()->arguments, "{}") << body;
    EXPECT_EQ(reply->call()->name, "f") << "a repeated name is one name";
  }
}

TEST(ChatReplyTest, TellsAnOutageAndACutFromAnAnswer) {
  auto kind = [](const std::string& body) {
    auto reply = ParseChatResponse(body);
    EXPECT_FALSE(reply) << body;
    return reply ? FaultKind::kRefused : reply.error().kind;
  };
  EXPECT_EQ(kind(R"({"choices": null, "error": {"code": 429}})"), FaultKind::kOutage);
  EXPECT_EQ(kind(Chunk(R"({"content": "a"})") + "data: {\"error\": {\"code\": 529}}\n\n"),
            FaultKind::kOutage);
  EXPECT_EQ(kind("event: error\ndata: {\"code\": 503}\n\n"), FaultKind::kOutage);
  EXPECT_EQ(kind(Chunk(R"({"content": "a"})")), FaultKind::kUnreadable) << "no end";
  EXPECT_EQ(kind(R"({"choices": []})"), FaultKind::kUnreadable);
  EXPECT_EQ(kind("<html>sign in</html>"), FaultKind::kUnreadable);
  EXPECT_EQ(kind(""), FaultKind::kUnreadable);
  EXPECT_TRUE(ParseChatResponse(Chunk(R"({"content": "a"})") + "data: [DONE]\n\n"));
  EXPECT_TRUE(ParseChatResponse(R"({"error": {}, "choices": [{"message": {"content": "a"}}]})"));
}

TEST(AddressTest, ShowsNoSecretAndJoinsWithOneSlash) {
  EXPECT_EQ(Below("http://h/v1/", "/chat"), "http://h/v1/chat");
  EXPECT_EQ(Below("http://h/v1?api-version=2", "/chat"), "http://h/v1/chat?api-version=2");
  EXPECT_EQ(ShownUrl("https://me:pw@h:8/v1?key=k"), "https://h:8/v1");
  EXPECT_EQ(Origin("HTTPS://me:pw@Host:8/v1?key=k"), "https://host:8");
  EXPECT_EQ(PastedWord(" sk-test\r\n"), "sk-test");
  EXPECT_FALSE(PastedWord("sk\nX-Header: 1"));
}

TEST(AddressTest, FindsTheProxyThatIsUsed) {
  Variables none = [](const char*) { return std::optional<std::string>(); };
  Variables some = [](const char* name) -> std::optional<std::string> {
    if (std::string_view(name) == "http_proxy") return "http://me:pw@proxy:3128";
    if (std::string_view(name) == "no_proxy") return "lab.local, .inside";
    return std::nullopt;
  };
  EXPECT_EQ(ProxyFor("http://api/v1", none), "");
  EXPECT_EQ(ProxyFor("http://api/v1", some), "http://proxy:3128");
  for (const char* url : {"https://api/v1", "http://127.0.0.1:80/", "http://localhost/",
                          "http://[::1]:1/", "http://lab.local/", "http://a.inside:1/"})
    EXPECT_EQ(ProxyFor(url, some), "") << url;
}

}  // namespace
}  // namespace podium::agents
