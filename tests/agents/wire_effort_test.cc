// How much a model thinks, its thoughts, and answers by a schema, in each format's own fields.
#include <gtest/gtest.h>

#include "agents/gateway/policy.h"
#include "agents/models/wire/decode.h"
#include "agents/models/wire/registry.h"
#include "base/json.h"

namespace podium::agents {
namespace {

ChatRequest Question() {
  ChatRequest out;
  out.messages = {{"user", "How much?"}};
  out.max_tokens = 500;
  return out;
}

ChatRequest Review() {
  ChatRequest out = Question();
  out.tools = {{"report", "Reports.",
                R"({"type":"object","properties":{"metric":{"type":["number","null"]},)"
                R"("why":{"type":"object","properties":{"x":{"type":"string"}}}},)"
                R"("required":["metric"]})"}};
  out.forced_tool = "report";
  return out;
}

Json Encoded(const std::string& format, const ChatRequest& request, EncodeOptions options) {
  options.model = "m";
  std::string body = FindWireFormat(format)->Encode(request, options);
  EXPECT_TRUE(Screen(*FindWireFormat(format), body)) << body << ": fields that its own list has";
  return Json::parse(body);
}

EncodeOptions Effort(const std::string& effort) { return {.reasoning_effort = effort}; }
EncodeOptions Schema() { return {.by_schema = true}; }

TEST(ReasoningEffortTest, StandsInEachFormatsOwnField) {
  EXPECT_EQ(Encoded("chat", Question(), Effort("high"))["reasoning_effort"], "high");
  EXPECT_EQ(Encoded("responses", Question(), Effort("low"))["reasoning"]["effort"], "low");
  Json gemini = Encoded("gemini", Question(), Effort("medium"))["generationConfig"];
  EXPECT_EQ(gemini["thinkingConfig"]["thinkingBudget"], 8192);
  EXPECT_EQ(gemini["thinkingConfig"]["includeThoughts"], true);
  EXPECT_EQ(gemini["maxOutputTokens"], 500 + 8192) << "thoughts count in the limit";
  gemini = Encoded("gemini", Question(), Effort("none"))["generationConfig"];
  EXPECT_EQ(gemini["thinkingConfig"]["thinkingBudget"], 0);
  Json messages = Encoded("messages", Question(), Effort("medium"));
  EXPECT_EQ(messages["thinking"]["budget_tokens"], 4096);
  EXPECT_EQ(messages["max_tokens"], 500 + 4096);
  EXPECT_FALSE(messages.contains("temperature")) << "which it does not take beside thinking";
  EXPECT_FALSE(Encoded("messages", Question(), Effort("none")).contains("thinking"));
}

TEST(ReasoningEffortTest, IsLeftOutWhereNothingIsSaidOrItIsNotTaken) {
  for (const char* format : {"chat", "responses", "messages", "gemini"}) {
    std::string plain = Encoded(format, Question(), {}).dump();
    EncodeOptions refused = Effort("high");
    refused.omit = {"reasoning_effort"};
    EXPECT_EQ(Encoded(format, Question(), refused).dump(), plain) << format;
    for (const char* word : {"effort", "think", "reasoning"})
      EXPECT_EQ(plain.find(word), std::string::npos) << plain;
  }
  EXPECT_FALSE(Encoded("messages", Review(), Effort("high")).contains("thinking"))
      << "no tool can be forced beside it";
}

TEST(AnswerBySchemaTest, StandsInEachFormatsOwnFieldInPlaceOfTheTool) {
  Json chat = Encoded("chat", Review(), Schema());
  EXPECT_EQ(chat["response_format"]["type"], "json_schema");
  const Json& schema = chat["response_format"]["json_schema"]["schema"];
  EXPECT_EQ(schema["additionalProperties"], false);
  EXPECT_EQ(schema["required"], Json::array({"metric", "why"})) << "strict: all of them";
  EXPECT_EQ(schema["properties"]["why"]["additionalProperties"], false) << "at every depth";
  EXPECT_FALSE(chat.contains("tools"));
  Json responses = Encoded("responses", Review(), Schema());
  EXPECT_EQ(responses["text"]["format"]["type"], "json_schema");
  EXPECT_EQ(responses["text"]["format"]["name"], "report");
  EXPECT_FALSE(responses.contains("tools"));
  Json gemini = Encoded("gemini", Review(), Schema());
  const Json& how = gemini["generationConfig"];
  EXPECT_EQ(how["responseMimeType"], "application/json");
  EXPECT_EQ(how["responseSchema"]["properties"]["metric"]["type"], "number");
  EXPECT_EQ(how["responseSchema"]["properties"]["metric"]["nullable"], true);
  EXPECT_FALSE(gemini.contains("tools"));
  EXPECT_EQ(Encoded("messages", Review(), Schema())["tool_choice"]["name"], "report")
      << "by the forced tool";
}

TEST(AnswerBySchemaTest, AServerThatDoesNotTakeItIsAskedByTheTool) {
  for (const char* format : {"chat", "responses", "gemini"}) {
    EncodeOptions refused = Schema();
    refused.omit = {"response_format"};
    EXPECT_EQ(Encoded(format, Review(), refused), Encoded(format, Review(), {})) << format;
  }
  EXPECT_EQ(JudgeError(400, R"({"error": {"message": "Unsupported: response_format"}})").field,
            "response_format");
}

ChatReply Read(const std::string& format, const std::string& body) {
  auto reply = DecodeAnswer(*FindWireFormat(format), body);
  EXPECT_TRUE(reply) << body;
  return reply.value_or(ChatReply{});
}

TEST(ReasoningTextTest, IsReadInEachFormat) {
  ChatReply chat = Read("chat", R"({"choices": [{"message": {"content": "4",
      "reasoning_content": "2 + 2"}, "finish_reason": "stop"}]})");
  EXPECT_EQ(chat.reasoning, "2 + 2");
  EXPECT_EQ(chat.content, "4");
  ChatReply responses = Read("responses", R"({"status": "completed", "output": [
      {"type": "reasoning", "summary": [{"type": "summary_text", "text": "2 + 2"}]},
      {"type": "message", "content": [{"type": "output_text", "text": "4"}]}]})");
  EXPECT_EQ(responses.reasoning, "2 + 2");
  EXPECT_EQ(responses.content, "4");
  ChatReply gemini = Read("gemini", R"({"candidates": [{"content": {"parts": [
      {"text": "2 + 2", "thought": true}, {"text": "4"}]}, "finishReason": "STOP"}]})");
  EXPECT_EQ(gemini.reasoning, "2 + 2");
  EXPECT_EQ(gemini.content, "4");
  ChatReply messages = Read("messages", R"({"content": [{"type": "thinking", "thinking": "2 + 2",
      "signature": "s"}, {"type": "text", "text": "4"}], "stop_reason": "end_turn"})");
  EXPECT_EQ(messages.reasoning, "2 + 2");
  EXPECT_EQ(messages.content, "4");
  for (const char* format : {"chat", "responses", "gemini", "messages"}) {
    ChatReply reply = Read(format, FindWireFormat(format)->EncodeReply(
                                       std::string(format) == "messages" ? messages : chat));
    EXPECT_EQ(reply.reasoning, "2 + 2") << format << ", as the record keeps it";
  }
}

TEST(ReasoningTokensTest, AreCountedAsAPartOfTheAnswer) {
  const std::pair<const char*, const char*> answers[] = {
      {"chat", R"({"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}], "usage":
          {"prompt_tokens": 9, "completion_tokens": 30,
           "completion_tokens_details": {"reasoning_tokens": 20}}})"},
      {"responses", R"({"status": "completed", "output": [], "usage": {"input_tokens": 9,
          "output_tokens": 30, "output_tokens_details": {"reasoning_tokens": 20}}})"},
      {"gemini", R"({"candidates": [{"content": {"parts": [{"text": "4"}]}, "finishReason":
          "STOP"}], "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 10,
          "thoughtsTokenCount": 20}})"}};
  for (const auto& [format, body] : answers) {
    ChatReply reply = Read(format, body);
    EXPECT_EQ(reply.tokens, (TokenCount{9, 0, 0, 30, 20})) << format;
  }
}

// Providers refuse a tool's result whose call comes back without what they thought.
TEST(ReasoningTextTest, GoesBackWithTheCallThatItLedTo) {
  std::string stream =
      "data: {\"type\":\"message_start\",\"message\":{}}\n\n"
      "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
      "\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n"
      "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
      "\"thinking_delta\",\"thinking\":\"hm\"}}\n\n"
      "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
      "\"signature_delta\",\"signature\":\"sig\"}}\n\n"
      "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":"
      "\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}}\n\n"
      "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"}}\n\n"
      "data: {\"type\":\"message_stop\"}\n\n";
  ChatReply reply = Read("messages", stream);
  EXPECT_EQ(reply.reasoning, "hm");
  ChatRequest next = Question();
  next.messages.push_back(
      {.role = "assistant", .content = "", .calls = reply.calls, .echo = reply.echo});
  Json turn = Encoded("messages", next, {})["messages"][1];
  EXPECT_EQ(turn["content"][0]["type"], "thinking");
  EXPECT_EQ(turn["content"][0]["thinking"], "hm");
  EXPECT_EQ(turn["content"][0]["signature"], "sig");
  EXPECT_EQ(turn["content"][1]["type"], "tool_use");
  ChatReply gemini = Read("gemini", R"({"candidates": [{"content": {"parts": [
      {"functionCall": {"name": "f"}, "thoughtSignature": "sig"}]}, "finishReason": "STOP"}]})");
  next = Question();
  next.messages.push_back({.role = "assistant", .content = "", .calls = gemini.calls});
  EXPECT_EQ(Encoded("gemini", next, {})["contents"][1]["parts"][0]["thoughtSignature"], "sig");
}

}  // namespace
}  // namespace podium::agents
