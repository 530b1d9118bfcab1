// Conversations in every wire format that carries them: written, read, and written again.
#include <gtest/gtest.h>

#include "agents/gateway/policy.h"
#include "agents/models/wire/decode.h"
#include "agents/models/wire/registry.h"
#include "base/json.h"

namespace podium::agents {
namespace {

// A system's word, a question, a call, its result, and a tool that the answer should call.
ChatRequest Whole() {
  ChatRequest out;
  ChatMessage call{"assistant", "Let me look."};
  call.calls = {{"call_1", "look", R"({"at":"train.csv"})"}};
  ChatMessage result{"user", "Go on."};
  result.results = {{"call_1", "look", "id,y", false}};
  out.messages = {{"system", "Be brief."}, {"user", "What is in there?"}, call, result};
  out.tools = {{"look", "Shows a file.", R"({"type":"object","properties":{}})"}};
  out.forced_tool = "look";
  out.temperature = 0.25;
  out.max_tokens = 77;
  out.seed = 5;
  return out;
}

Json Encoded(const char* format, const ChatRequest& request = Whole(), EncodeOptions options = {}) {
  options.model = "real-name";
  return Json::parse(FindWireFormat(format)->Encode(request, options));
}

class ConversationTest : public testing::TestWithParam<const char*> {};

TEST_P(ConversationTest, WhatIsWrittenIsAllowedByTheFormatsOwnList) {
  const WireFormat& format = *FindWireFormat(GetParam());
  ASSERT_TRUE(format.converses());
  auto screened = Screen(format, Encoded(GetParam()).dump());
  ASSERT_TRUE(screened) << screened.error().message;
  EXPECT_EQ(screened->facts.output_limit, 77) << "the limit stands where the format looks for it";
}

TEST_P(ConversationTest, HoldsEveryTurnAndTheTool) {
  std::string text = Encoded(GetParam()).dump();
  for (const char* part : {"Be brief.", "What is in there?", "Let me look.", "train.csv", "call_1",
                           "id,y", "Go on.", "Shows a file."})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
}

TEST_P(ConversationTest, AReplyIsReadAsItWasWritten) {
  const WireFormat& format = *FindWireFormat(GetParam());
  ChatReply reply;
  reply.content = "first\n\"second\"";
  reply.calls = {{"a", "f", R"({"x":1})"}, {"b", "g", "{}"}};
  reply.finish_reason = "x";
  reply.usage_known = true;
  reply.usage.prompt = 10;
  reply.usage.completion = 3;
  auto read = DecodeAnswer(format, format.EncodeReply(reply));
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->content, reply.content);
  EXPECT_EQ(read->calls, reply.calls);
  EXPECT_TRUE(read->usage_known);
  EXPECT_EQ(read->usage.prompt, 10);
  EXPECT_EQ(read->usage.completion, 3);
}

TEST_P(ConversationTest, FieldsThatAreNotToBeSentAreLeftOut) {
  EncodeOptions options;
  options.omit = {"temperature", "tools", "max_tokens", "seed"};
  std::string text = Encoded(GetParam(), Whole(), options).dump();
  for (const char* gone : {"temperature", "Shows a file.", "tool_choice", "77", "seed"})
    EXPECT_EQ(text.find(gone), std::string::npos) << gone << " in " << text;
}

TEST_P(ConversationTest, AnErrorInPlaceOfAnAnswerIsJudged) {
  const WireFormat& format = *FindWireFormat(GetParam());
  for (const char* body : {R"({"error": {"code": 503, "message": "overloaded"}})",
                           "data: {\"error\": {\"code\": 503, \"message\": \"overloaded\"}}\n\n",
                           "event: error\ndata: {\"type\": \"error\", \"error\": {\"type\": "
                           "\"overloaded_error\"}}\n\n"}) {
    auto read = DecodeAnswer(format, body);
    ASSERT_FALSE(read) << body;
    EXPECT_EQ(read.error().kind, FaultKind::kOutage) << body;
  }
  for (const char* body : {"<html>", "", "{}", "data: {}\n\n"}) {
    auto read = DecodeAnswer(format, body);
    ASSERT_FALSE(read) << body;
    EXPECT_EQ(read.error().kind, FaultKind::kUnreadable) << body;
  }
}

INSTANTIATE_TEST_SUITE_P(Every, ConversationTest,
                         testing::Values("chat", "responses", "messages", "gemini"));

TEST(ConversationFormatsTest, TheseAreAllThatConverse) {
  for (const WireFormat* format : WireFormats()) {
    const auto& name = format->name();
    bool tested = name == "chat" || name == "responses" || name == "messages" || name == "gemini";
    EXPECT_EQ(format->converses(), tested) << format->name();
    EXPECT_EQ(format->MakeReader() != nullptr, tested) << format->name();
  }
}

TEST(ChatFormatTest, WritesTurnsAsItsProviderDocumentsThem) {
  Json body = Encoded("chat");
  EXPECT_EQ(body["messages"][2]["tool_calls"][0]["function"]["name"], "look");
  EXPECT_EQ(body["messages"][3]["role"], "tool");
  EXPECT_EQ(body["messages"][3]["tool_call_id"], "call_1");
  EXPECT_EQ(body["messages"][4]["content"], "Go on.");
  EXPECT_EQ(body["tool_choice"]["function"]["name"], "look");
  EXPECT_EQ(body["stream_options"]["include_usage"], true);
}

// By these bytes the records of earlier runs are found again.
TEST(ChatFormatTest, APlainRequestKeepsItsBytes) {
  ChatRequest plain;
  plain.messages = {{"system", "s"}, {"user", "u"}};
  plain.seed = 3;
  EXPECT_EQ(FindWireFormat("chat")->Encode(plain, {"m", {}, "max_tokens"}),
            R"({"max_tokens":2048,"messages":[{"content":"s","role":"system"},)"
            R"({"content":"u","role":"user"}],"model":"m","seed":3,"stream":true,)"
            R"("stream_options":{"include_usage":true},"temperature":0.5})");
}

TEST(ResponsesFormatTest, WritesItemsAndKeepsNothingThere) {
  Json body = Encoded("responses");
  EXPECT_EQ(body["store"], false);
  EXPECT_EQ(body["max_output_tokens"], 77);
  EXPECT_EQ(body["input"][3]["type"], "function_call");
  EXPECT_EQ(body["input"][4]["type"], "function_call_output");
  EXPECT_EQ(body["input"][4]["call_id"], "call_1");
}

TEST(ResponsesFormatTest, ReadsAStreamByItsLastEventAndByItsDeltas) {
  std::string deltas =
      "data: {\"type\":\"response.output_text.delta\",\"delta\":\"he\"}\n\n"
      "data: {\"type\":\"response.output_text.delta\",\"delta\":\"llo\"}\n\n"
      "data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":\"function_call\","
      "\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"}}\n\n";
  auto bare = DecodeAnswer(*FindWireFormat("responses"),
                           deltas +
                               "data: {\"type\":\"response.incomplete\",\"response\":{\"status\":"
                               "\"incomplete\",\"incomplete_details\":{\"reason\":"
                               "\"max_output_tokens\"}}}\n\n");
  ASSERT_TRUE(bare) << bare.error().text;
  EXPECT_EQ(bare->content, "hello");
  ASSERT_EQ(bare->calls.size(), 1u);
  EXPECT_EQ(bare->stop, StopReason::kLength);
  auto whole = DecodeAnswer(*FindWireFormat("responses"),
                            deltas +
                                "data: {\"type\":\"response.completed\",\"response\":{\"status\":"
                                "\"completed\",\"output\":[{\"type\":\"message\",\"content\":[{"
                                "\"type\":\"output_text\",\"text\":\"hello\"}]}],\"usage\":{"
                                "\"input_tokens\":4,\"output_tokens\":2}}}\n\n");
  ASSERT_TRUE(whole) << whole.error().text;
  EXPECT_EQ(whole->content, "hello") << "not twice";
  EXPECT_EQ(whole->stop, StopReason::kEnd);
  EXPECT_EQ(whole->usage.prompt, 4);
  auto failed =
      DecodeAnswer(*FindWireFormat("responses"),
                   "data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":"
                   "\"server_error\",\"message\":\"x\"}}}\n\n");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, FaultKind::kOutage);
}

TEST(MessagesFormatTest, KeepsTheSystemApartAndTheTemperatureWithinItsBounds) {
  ChatRequest hot = Whole();
  hot.temperature = 1.5;
  Json body = Encoded("messages", hot);
  EXPECT_EQ(body["system"], "Be brief.");
  EXPECT_EQ(body["temperature"], 1.0);
  EXPECT_FALSE(body.contains("seed"));
  EXPECT_EQ(body["messages"][0]["content"], "What is in there?");
  EXPECT_EQ(body["messages"][1]["content"][1]["type"], "tool_use");
  EXPECT_EQ(body["messages"][1]["content"][1]["input"]["at"], "train.csv");
  EXPECT_EQ(body["messages"][2]["content"][0]["type"], "tool_result");
  EXPECT_EQ(body["tool_choice"]["name"], "look");
  std::vector<std::string> headers, dropped;
  FindWireFormat("messages")
      ->AddHeaders({{"anthropic-beta", "x-2025, output-128k-2025-02-19"}}, headers, dropped);
  EXPECT_EQ(headers, (std::vector<std::string>{"anthropic-version: 2023-06-01",
                                               "anthropic-beta: output-128k-2025-02-19"}));
  EXPECT_EQ(dropped, std::vector<std::string>{"x-2025"});
}

TEST(MessagesFormatTest, ReadsAStreamOfBlocks) {
  std::string stream =
      "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{"
      "\"input_tokens\":9,\"output_tokens\":1}}}\n\n"
      "data: "
      "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\","
      "\"thinking\":\"\"}}\n\n"
      "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\","
      "\"thinking\":\"hm\"}}\n\n"
      "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\","
      "\"text\":\"\"}}\n\n"
      "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\","
      "\"text\":\"look: \"}}\n\n"
      "data: "
      "{\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\","
      "\"id\":\"t1\",\"name\":\"f\",\"input\":{}}}\n\n"
      "data: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":"
      "\"input_json_delta\",\"partial_json\":\"{\\\"x\\\":\"}}\n\n"
      "data: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":"
      "\"input_json_delta\",\"partial_json\":\"1}\"}}\n\n"
      "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{"
      "\"output_tokens\":30}}\n\n"
      "data: {\"type\":\"message_stop\"}\n\n";
  auto reply = DecodeAnswer(*FindWireFormat("messages"), stream);
  ASSERT_TRUE(reply) << reply.error().text;
  EXPECT_EQ(reply->content, "look: ") << "thoughts are not the answer";
  EXPECT_EQ(reply->calls, (std::vector<ToolCall>{{"t1", "f", "{\"x\":1}"}}));
  EXPECT_EQ(reply->stop, StopReason::kTools);
  EXPECT_EQ(reply->tokens, (TokenCount{9, 0, 0, 30}));
  EXPECT_FALSE(DecodeAnswer(*FindWireFormat("messages"), stream.substr(0, stream.size() - 160)))
      << "a stream that was cut";
}

TEST(GeminiFormatTest, WritesContentsAndReadsCandidates) {
  Json body = Encoded("gemini");
  EXPECT_EQ(body["contents"][1]["role"], "model");
  EXPECT_EQ(body["contents"][1]["parts"][1]["functionCall"]["args"]["at"], "train.csv");
  EXPECT_EQ(body["contents"][2]["parts"][0]["functionResponse"]["response"]["output"], "id,y");
  EXPECT_EQ(body["generationConfig"]["maxOutputTokens"], 77);
  EXPECT_EQ(body["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"][0], "look");
  Route route{FindWireFormat("gemini"), "m", true};
  EXPECT_EQ(route.format->UpstreamPath(route, "g-2", true),
            "/models/g-2:streamGenerateContent?alt=sse");
  auto blocked = DecodeAnswer(*route.format, R"({"promptFeedback": {"blockReason": "SAFETY"}})");
  ASSERT_TRUE(blocked);
  EXPECT_EQ(blocked->stop, StopReason::kRefused);
  auto list = DecodeAnswer(
      *route.format,
      R"([{"candidates": [{"content": {"parts": [{"text": "a"}, {"text": "x", "thought": true}]}}]},
          {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]},
           "finishReason": "STOP"}]}])");
  ASSERT_TRUE(list) << list.error().text;
  EXPECT_EQ(list->content, "a");
  EXPECT_EQ(list->calls, (std::vector<ToolCall>{{"", "f", "{}"}}));
  EXPECT_EQ(list->stop, StopReason::kTools);
  auto cut = DecodeAnswer(*route.format,
                          "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},"
                          "\"finishReason\":\"MAX_TOKENS\"}]}\n\n");
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->stop, StopReason::kLength);
}

TEST(RegistryTest, ATakenNameOrPathIsRefused) {
  EXPECT_FALSE(RegisterWireFormat(*FindWireFormat("chat")));
  EXPECT_EQ(FindWireFormat("none"), nullptr);
  EXPECT_EQ(WireFormatNames().size(), WireFormats().size());
  EXPECT_EQ(ShapeOf("/v1/messages/batches").name(), "messages");
  EXPECT_EQ(ShapeOf("/v1beta/x").name(), "gemini");
  EXPECT_EQ(ShapeOf("/elsewhere").name(), "chat");
}

}  // namespace
}  // namespace podium::agents
