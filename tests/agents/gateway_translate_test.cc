// An agent that speaks Chat Completions, on a model that speaks Messages, Gemini or Responses.
#include "agents/models/wire/event_stream.h"
#include "agents/models/wire/registry.h"
#include "tests/agents/gateway_fixture.h"
#include "tests/support/wire_answers.h"

namespace podium::tests {
namespace {

class TranslateTest : public GatewayTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    GatewayTest::SetUp();
    format_ = GetParam();
    options_.models[0].formats = {agents::FindWireFormat(format_)};
    options_.models[0].translate = true;
  }

  // The provider answers with this, as a stream where it is asked for one.
  HttpHandler Saying(Said said, int status = 200) {
    return [this, said, status](HttpExchange& exchange) -> Task<void> {
      const ServedRequest& request = exchange.request();
      std::string target(request.target), body(request.body);
      bool stream = target.find("streamGenerateContent") != std::string::npos ||
                    body.find("\"stream\":true") != std::string::npos;
      std::string answer = stream ? StreamOf(format_, said) : WholeOf(format_, said);
      if (status != 200) answer = ErrorOf(format_, status, "overloaded_error");
      HttpHeaders headers = {
          {"Content-Type", stream && status == 200 ? "text/event-stream" : "application/json"},
          {"retry-after", "7"}};
      auto told = co_await exchange.Answer(status, std::move(headers), std::move(answer));
    };
  }

  // One request of Chat Completions.
  Answered Ask(HttpHandler provider, const std::string& body) {
    Answered out;
    Attempt(std::move(provider), [&](Live& live) -> Task<void> {
      out = co_await Post(live, "/v1/chat/completions", body);
    });
    return out;
  }

  [[nodiscard]] Json Sent() const { return Json::parse(received_.back().body); }
  // The one of this format.
  [[nodiscard]] std::string Of(const char* messages, const char* gemini,
                               const char* responses) const {
    if (format_ == "responses") return responses;
    return format_ == "gemini" ? gemini : messages;
  }

  std::string format_;
};

// A stream of Chat Completions put together.
Json Joined(const std::string& body) {
  Json out = {{"content", ""}, {"arguments", ""}, {"done", false}};
  agents::EventStreamReader reader;
  for (const auto& event : reader.Add(body)) {
    if (event.data == "[DONE]") {
      out["done"] = true;
      continue;
    }
    Json chunk = Json::parse(event.data);
    if (chunk.contains("usage")) out["usage"] = chunk["usage"];
    if (chunk.contains("error")) out["error"] = chunk["error"];
    if (!chunk.contains("choices") || chunk["choices"].empty()) continue;
    const Json& choice = chunk["choices"][0];
    const Json& delta = choice["delta"];
    out["content"] = out["content"].get<std::string>() + delta.value("content", "");
    if (!choice["finish_reason"].is_null()) out["finish"] = choice["finish_reason"];
    if (!delta.contains("tool_calls")) continue;
    const Json& call = delta["tool_calls"][0];
    if (call.contains("id")) out["id"] = call["id"];
    if (call["function"].contains("name")) out["name"] = call["function"]["name"];
    out["arguments"] =
        out["arguments"].get<std::string>() + call["function"]["arguments"].get<std::string>();
  }
  return out;
}

TEST_P(TranslateTest, ATextGoesThereAndBack) {
  Answered answer = Ask(Saying({.text = "hello"}), R"({"model": "m", "max_tokens": 50,
      "temperature": 0.5, "stop": ["X"], "top_p": 0.9, "logit_bias": {"1": 2}, "messages": [
      {"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  Json json = answer.json();
  EXPECT_EQ(json["object"], "chat.completion");
  EXPECT_EQ(json["model"], "m");
  EXPECT_EQ(json["choices"][0]["message"]["content"], "hello");
  EXPECT_EQ(json["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(json["usage"]["prompt_tokens"], 100);
  EXPECT_EQ(json["usage"]["total_tokens"], 125);
  Json sent = Sent();
  bool gemini = format_ == "gemini";
  const Json& how = gemini ? sent["generationConfig"] : sent;
  EXPECT_EQ(how[Of("max_tokens", "maxOutputTokens", "max_output_tokens")], 50);
  EXPECT_EQ(how["temperature"], 0.5);
  EXPECT_EQ(how[gemini ? "topP" : "top_p"], 0.9);
  std::vector<std::string> flags = {"field_dropped", "translated"};
  if (format_ == "responses")
    flags.insert(flags.begin(), "field_dropped");  // it has no word for "stop"
  else
    EXPECT_EQ(how[gemini ? "stopSequences" : "stop_sequences"], Json::array({"X"}));
  EXPECT_FALSE(sent.contains("stream"));
  EXPECT_TRUE(received_.back().target.starts_with(
      Of("/v1/messages", "/v1/models/upstream-m:generateContent", "/v1/responses")))
      << received_.back().target;
  EXPECT_EQ(received_.back().Header(Of("x-api-key", "x-goog-api-key", "authorization")),
            Of("sk-real-secret", "sk-real-secret", "Bearer sk-real-secret"));
  EXPECT_NE(sent.dump().find("Be brief."), std::string::npos);
  EXPECT_EQ(events_.Flags(), flags);
  EXPECT_EQ(events_.Of("model_call")[0]["format"], format_);
  EXPECT_EQ(spent_.tokens.output, 25);
}

TEST_P(TranslateTest, AStreamIsHandedOnAsChunks) {
  Answered answer = Ask(Saying({.text = "a longer answer"}), R"({"model": "m", "stream": true,
      "stream_options": {"include_usage": true}, "messages": [{"role": "user", "content": "hi"}]})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  Json joined = Joined(answer.body);
  EXPECT_EQ(joined["content"], "a longer answer");
  EXPECT_EQ(joined["finish"], "stop");
  EXPECT_EQ(joined["usage"]["completion_tokens"], 25);
  EXPECT_EQ(joined["done"], true);
  Answered plain = Ask(Saying({.text = "x"}), kAskStream);
  EXPECT_FALSE(Joined(plain.body).contains("usage")) << "it was not asked for";
  EXPECT_EQ(spent_.requests, 1) << "the same to the model, and the record has it";
}

TEST_P(TranslateTest, AToolIsCalledAndItsResultGoesBack) {
  constexpr const char* kTools = R"("tools": [{"type": "function", "function": {"name": "look",
      "description": "Looks.", "parameters": {"type": "object", "properties": {}}}}])";
  Said call{.text = "Let me look.", .tool = "look", .arguments = R"({"at":"train.csv"})"};
  Answered answer = Ask(Saying(call), R"({"model": "m", "tool_choice": "required",
      "parallel_tool_calls": false, )" + std::string(kTools) +
                                          R"(, "messages": [{"role": "user", "content": "hi"}]})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  Json message = answer.json()["choices"][0]["message"];
  EXPECT_EQ(answer.json()["choices"][0]["finish_reason"], "tool_calls");
  ASSERT_EQ(message["tool_calls"].size(), 1u) << answer.body;
  EXPECT_EQ(message["tool_calls"][0]["function"]["name"], "look");
  EXPECT_EQ(message["tool_calls"][0]["function"]["arguments"], R"({"at":"train.csv"})");
  std::string choice = Of(R"("tool_choice":{"disable_parallel_tool_use":true,"type":"any"})",
                          R"("mode":"ANY")", R"("tool_choice":"required")");
  EXPECT_NE(Sent().dump().find(choice), std::string::npos) << Sent();

  Json next = Json::parse(R"({"model": "m", "stream": true, )" + std::string(kTools) + "}");
  Json result = {
      {"role", "tool"}, {"tool_call_id", message["tool_calls"][0]["id"]}, {"content", "id,y"}};
  Json user = {{"role", "user"}, {"content", "hi"}};
  next["messages"] = Json::array({user, message, result});
  Answered streamed = Ask(Saying(call), next.dump());
  Json joined = Joined(streamed.body);
  EXPECT_EQ(joined["name"], "look");
  EXPECT_EQ(joined["arguments"], R"({"at":"train.csv"})");
  EXPECT_EQ(joined["finish"], "tool_calls");
  EXPECT_EQ(joined["content"], "Let me look.");
  std::string sent = Sent().dump();
  for (const char* part : {"id,y", "train.csv", "Let me look.", "\"look\""})
    EXPECT_NE(sent.find(part), std::string::npos) << part << " in " << sent;
  if (format_ == "messages")
    EXPECT_EQ(Sent()["messages"][2]["content"][0]["tool_use_id"], "toolu_1") << sent;
  else if (format_ == "responses")
    EXPECT_EQ(Sent()["input"].back()["call_id"], Sent()["input"][2]["call_id"]) << sent;
  else
    EXPECT_EQ(Sent()["contents"][2]["parts"][0]["functionResponse"]["name"], "look") << sent;
}

TEST_P(TranslateTest, PicturesThatARequestHoldsGoBetweenItsWords) {
  Answered answer = Ask(Saying({.text = "a cat"}), R"({"model": "m", "messages": [
      {"role": "user", "content": "First."},
      {"role": "user", "content": [{"type": "text", "text": "What is this?"},
          {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD", "detail": "low"}},
          {"type": "text", "text": "And this?"},
          {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,REVG"}}]},
      {"role": "user", "content": "Be brief."}]})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json()["choices"][0]["message"]["content"], "a cat");
  std::string sent = Sent().dump();
  std::string png = Of(R"({"data":"QUJD","media_type":"image/png","type":"base64"})",
                       R"({"inlineData":{"data":"QUJD","mimeType":"image/png"}})",
                       R"({"image_url":"data:image/png;base64,QUJD","type":"input_image"})");
  std::size_t at = 0;
  for (const std::string& part :
       {std::string("First."), std::string("What is this?"), png, std::string("And this?"),
        std::string("REVG"), std::string("Be brief.")}) {
    at = sent.find(part, at);
    EXPECT_NE(at, std::string::npos) << part << " in its place of " << sent;
    if (at == std::string::npos) return;
  }
}

TEST_P(TranslateTest, AnErrorKeepsItsStatusAndTakesTheAgentsShape) {
  Answered answer = Ask(Saying({}, 529), kAsk);
  EXPECT_EQ(answer.status, 529);
  EXPECT_EQ(answer.json()["error"]["message"], "a scripted error");
  EXPECT_TRUE(answer.json()["error"].contains("param")) << answer.body;
  EXPECT_EQ(Header(answer, "retry-after"), "7");
  HttpHandler broken = [this](HttpExchange& exchange) -> Task<void> {
    std::string body = StreamOf(format_, {.text = "some words", .usage = false});
    body = body.substr(0, body.rfind("data:")) + ErrorEventOf(format_, 503, "overloaded_error");
    HttpHeaders headers = {{"Content-Type", "text/event-stream"}};
    auto told = co_await exchange.Answer(200, std::move(headers), std::move(body));
  };
  answer = Ask(broken, kAskStream);
  Json joined = Joined(answer.body);
  EXPECT_TRUE(joined.contains("error")) << answer.body;
  EXPECT_EQ(joined["done"], false);
}

TEST_P(TranslateTest, AnObjectOfASchemaIsTheText) {
  Said said{.text = R"({"n":7})"};
  if (format_ == "messages") said = {.tool = "answer", .arguments = R"({"n":7})"};
  for (const char* stream : {"false", "true"}) {
    Answered answer = Ask(Saying(said), R"({"model": "m", "stream": )" + std::string(stream) +
                                            R"(, "response_format": {"type": "json_schema",
        "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"n": {"type":
        "integer"}}}}}, "messages": [{"role": "user", "content": "hi"}]})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    Json whole = stream[0] == 't' ? Joined(answer.body) : answer.json()["choices"][0]["message"];
    EXPECT_EQ(whole["content"], R"({"n":7})") << answer.body;
    EXPECT_FALSE(whole.contains("tool_calls"));
  }
  EXPECT_NE(Sent().dump().find("integer"), std::string::npos);
}

TEST_P(TranslateTest, TheRecordReplaysWithoutTheProvider) {
  Answered first = Ask(Saying({.text = "once"}), kAskStream);
  trial_.replay = true;
  received_.clear();
  Answered again = Ask(Nothing, kAskStream);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(Joined(again.body)["content"], "once");
  EXPECT_TRUE(received_.empty());
}

TEST_P(TranslateTest, WhatCannotBeSaidIsRefusedAndNothingIsSent) {
  for (const char* body :
       {R"({"model": "m", "n": 2, "messages": [{"role": "user", "content": "hi"}]})",
        R"({"model": "m", "messages": [{"role": "user", "content": [{"type": "file",
            "file": {"file_data": "data:application/pdf;base64,AA"}}]}]})",
        R"({"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url",
            "image_url": {"url": "data:image/svg+xml,%3Csvg/%3E"}}]}]})",
        R"({"model": "m", "messages": [{"role": "assistant", "content": [{"type": "image_url",
            "image_url": {"url": "data:image/png;base64,AA"}}]}]})"}) {
    Answered answer = Ask(Nothing, body);
    EXPECT_EQ(answer.status, 403) << answer.body;
    EXPECT_EQ(answer.code(), "not_translatable");
  }
  options_.models[0].translate = false;
  EXPECT_EQ(Ask(Nothing, kAsk).code(), "model_not_allowed");
  EXPECT_TRUE(received_.empty());
}

INSTANTIATE_TEST_SUITE_P(Each, TranslateTest, testing::Values("messages", "gemini", "responses"));

}  // namespace
}  // namespace podium::tests
