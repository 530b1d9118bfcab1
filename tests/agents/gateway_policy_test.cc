// What a request may hold: one bad request for each thing that is refused, in each format.
#include <gtest/gtest.h>

#include <map>

#include "agents/gateway/policy.h"
#include "agents/models/wire/registry.h"
#include "base/json.h"

namespace podium::agents {
namespace {

constexpr const char* kChat = "chat";
constexpr const char* kResponses = "responses";
constexpr const char* kEmbeddings = "embeddings";
constexpr const char* kCompletions = "completions";
constexpr const char* kMessages = "messages";
constexpr const char* kGemini = "gemini";

const WireFormat& Of(std::string_view name) { return *FindWireFormat(name); }

struct Bad {
  const char* format;
  const char* fields;  // added to a plain request
  const char* code;
};

Json Plain(std::string_view format) {
  const std::map<std::string_view, const char*> all = {
      {kChat,
       R"({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})"},
      {kMessages,
       R"({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})"},
      {kResponses, R"({"model": "m", "input": "hi"})"},
      {kEmbeddings, R"({"model": "m", "input": ["a", "b"]})"},
      {kCompletions, R"({"model": "m", "prompt": "hi"})"},
      {kGemini, R"({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]})"}};
  return Json::parse(all.at(format));
}

tl::expected<Screened, Refusal> ScreenWith(const char* format, const char* fields) {
  Json body = Plain(format);
  body.update(Json::parse(fields));
  return Screen(Of(format), body.dump());
}

const Bad kBad[] = {
    // For which nothing would be set aside (R16).
    {kChat, R"({"max_tokens": 0})", "field_not_allowed"},
    {kChat, R"({"max_completion_tokens": 0})", "field_not_allowed"},
    {kChat, R"({"n": 0})", "field_not_allowed"},
    {kCompletions, R"({"max_tokens": 0})", "field_not_allowed"},
    {kCompletions, R"({"best_of": 0})", "field_not_allowed"},
    {kMessages, R"({"max_tokens": 0})", "field_not_allowed"},
    {kResponses, R"({"max_output_tokens": 0})", "field_not_allowed"},
    {kGemini, R"({"generationConfig": {"maxOutputTokens": 0}})", "field_not_allowed"},
    {kGemini, R"({"generationConfig": {"candidateCount": 0}})", "field_not_allowed"},
    // References to what the provider keeps (R17).
    {kResponses, R"({"input": [{"id": "msg_1"}]})", "input_not_allowed"},
    {kResponses, R"({"input": [{"type": null, "id": "msg_1"}]})", "input_not_allowed"},
    {kResponses, R"({"input": [{"role": "user", "content": "x", "id": "msg_1"}]})",
     "input_not_allowed"},
    {kResponses, R"({"input": [{"role": "user"}]})", "input_not_allowed"},
    {kResponses, R"({"input": [{"role": "user", "content": null}]})", "input_not_allowed"},
    // Other answers than text (R18).
    {kChat, R"({"modalities": ["text", "audio"]})", "field_not_allowed"},
    {kChat, R"({"modalities": ["image"]})", "field_not_allowed"},
    // Tools that do not say what they are.
    {kChat, R"({"tools": [{"function": {"name": "f"}}]})", "tool_not_allowed"},
    {kResponses, R"({"tools": [{"type": 7}]})", "tool_not_allowed"},
    {kResponses, R"({"tools": [{"type": "local_shell", "container": "auto"}]})",
     "field_not_allowed"},
    // Inputs that the provider would fetch, or has from elsewhere.
    {kChat,
     R"({"messages": [{"role": "user", "content": [{"type": "image_url",
         "image_url": {"url": "https://example.org/x.png"}}]}]})",
     "url_not_allowed"},
    {kChat,
     R"({"messages": [{"role": "user", "content": [{"type": "file",
         "file": {"file_id": "file-1"}}]}]})",
     "field_not_allowed"},
    {kResponses,
     R"({"input": [{"role": "user", "content": [{"type": "input_image",
         "image_url": "http://example.org/x.png"}]}]})",
     "url_not_allowed"},
    {kResponses,
     R"({"input": [{"role": "user", "content": [{"type": "input_file",
         "file_url": "http://example.org/x.pdf"}]}]})",
     "field_not_allowed"},
    {kResponses,
     R"({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]})",
     "field_not_allowed"},
    {kResponses, R"({"input": [{"type": "item_reference", "id": "msg_1"}]})", "input_not_allowed"},
    {kMessages,
     R"({"messages": [{"role": "user", "content": [{"type": "image",
         "source": {"type": "url", "url": "https://example.org/x.png"}}]}]})",
     "input_not_allowed"},
    {kMessages,
     R"({"messages": [{"role": "user", "content": [{"type": "document",
         "source": {"type": "file", "file_id": "f"}}]}]})",
     "input_not_allowed"},
    {kMessages,
     R"({"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t",
         "content": [{"type": "image", "source": {"type": "url", "url": "https://x"}}]}]}]})",
     "input_not_allowed"},
    {kMessages,
     R"({"messages": [{"role": "user", "content": [{"type": "container_upload",
         "file_id": "f"}]}]})",
     "input_not_allowed"},
    {kGemini, R"({"contents": [{"parts": [{"fileData": {"fileUri": "https://example.org/x"}}]}]})",
     "input_not_allowed"},
    {kGemini, R"({"contents": [{"parts": [{"file_data": {"file_uri": "gs://x"}}]}]})",
     "input_not_allowed"},
    {kGemini, R"({"contents": [{"parts": [{"executableCode": {"code": "1"}}]}]})",
     "input_not_allowed"},
    // What ties requests together behind the gateway, or makes them run on.
    {kResponses, R"({"previous_response_id": "resp_1"})", "field_not_allowed"},
    {kResponses, R"({"conversation": "conv_1"})", "field_not_allowed"},
    {kResponses, R"({"prompt": {"id": "pmpt_1"}})", "field_not_allowed"},
    {kResponses, R"({"background": true})", "field_not_allowed"},
    {kResponses, R"({"include": ["web_search_call.action.sources"]})", "field_not_allowed"},
    {kMessages, R"({"container": "container_1"})", "field_not_allowed"},
    {kMessages,
     R"({"system": [{"type": "text", "text": "x",
         "cache_control": {"type": "ephemeral", "ttl": "1h"}}]})",
     "field_not_allowed"},
    {kGemini, R"({"cachedContent": "cachedContents/1"})", "field_not_allowed"},
    {kGemini, R"({"cached_content": "cachedContents/1"})", "field_not_allowed"},
    // Fields that nobody knows, also deep inside; numbers that are none.
    {kChat, R"({"surprise": 1})", "field_not_allowed"},
    {kChat, R"({"messages": [{"role": "user", "content": "x", "surprise": 1}]})",
     "field_not_allowed"},
    {kChat, R"({"refuse": "x"})", "field_not_allowed"},
    {kChat, R"({"max_tokens": -1})", "field_not_allowed"},
    {kChat, R"({"max_tokens": 1.5})", "field_not_allowed"},
    {kChat, R"({"n": 1000000000000})", "field_not_allowed"},
    {kEmbeddings, R"({"surprise": 1})", "field_not_allowed"},
    {kCompletions, R"({"surprise": 1})", "field_not_allowed"},
    {kCompletions, R"({"max_tokens": "many"})", "field_not_allowed"},
    {kGemini, R"({"generationConfig": {"surprise": 1}})", "field_not_allowed"},
    {kGemini, R"({"generationConfig": {}, "generation_config": {"maxOutputTokens": 9}})",
     "field_not_allowed"},
    {kGemini, R"({"contents": [{"parts": [{"refuse": 1}]}]})", "input_not_allowed"},
};

struct LeftOut {
  const char* format;
  const char* fields;
};

// Tools that the provider carries out.
const LeftOut kLeftOut[] = {
    {kChat, R"({"tools": [{"type": "web_search"}]})"},
    {kChat, R"({"tools": [{"type": "mcp", "server_url": "http://x"}]})"},
    {kChat, R"({"tool_choice": {"type": "web_search"}})"},
    {kChat, R"({"web_search_options": {}})"},
    {kResponses, R"({"tools": [{"type": "web_search_preview"}]})"},
    {kResponses, R"({"tools": [{"type": "file_search", "vector_store_ids": ["v"]}]})"},
    {kResponses, R"({"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]})"},
    {kResponses, R"({"tools": [{"type": "computer_use_preview"}]})"},
    {kResponses, R"({"tools": [{"type": "mcp", "server_url": "https://x"}]})"},
    {kResponses, R"({"tools": [{"type": "image_generation"}]})"},
    {kMessages, R"({"tools": [{"type": "web_search_20250305", "name": "web_search"}]})"},
    {kMessages, R"({"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]})"},
    {kMessages, R"({"tools": [{"type": "code_execution_20250522", "name": "code_execution"}]})"},
    {kMessages, R"({"tools": [{"type": "computer_20250124", "name": "computer"}]})"},
    {kMessages, R"({"mcp_servers": [{"type": "url", "url": "https://x"}]})"},
    {kGemini, R"({"tools": [{"googleSearch": {}}]})"},
    {kGemini, R"({"tools": [{"google_search": {}}]})"},
    {kGemini, R"({"tools": [{"urlContext": {}}]})"},
    {kGemini, R"({"tools": [{"codeExecution": {}}]})"},
    {kResponses, R"({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "mcp"}]}]})"},
    {kResponses, R"({"tools": [{"type": "shell", "environment": {"type": "container_auto"}}]})"},
    {kMessages, R"({"context_management": {"edits": [{"type": "compact_20260112"}]}})"},
};

TEST(GatewayPolicyTest, WhatAProviderWouldRunIsLeftOutAndFlagged) {
  for (const auto& bad : kLeftOut) {
    auto screened = ScreenWith(bad.format, bad.fields);
    ASSERT_TRUE(screened) << bad.format << " " << bad.fields << ": " << screened.error().message;
    Json body = Json::parse(screened->body);
    for (const char* gone : {"tools", "tool_choice", "web_search_options", "mcp_servers"})
      EXPECT_FALSE(body.contains(gone)) << bad.fields << "\n" << screened->body;
    EXPECT_EQ(screened->body.find("compact"), std::string::npos) << screened->body;
    EXPECT_FALSE(screened->flags.empty()) << bad.fields;
  }
}

TEST(GatewayPolicyTest, WhatTheAgentRunsItselfStaysBesideIt) {
  struct {
    const char* format;
    const char* fields;
    const char* left;
  } mixed[] = {
      {kChat,
       R"({"tools": [{"type": "function", "function": {"name": "f"}}, {"type": "web_search"}],
           "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto",
             "tools": [{"type": "function", "function": {"name": "f"}}]}}})",
       R"([{"function": {"name": "f"}, "type": "function"}])"},
      {kResponses,
       R"({"tools": [{"type": "web_search"}, {"type": "local_shell"}, {"type": "apply_patch"},
           {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"},
            {"type": "mcp"}]}]})",
       R"([{"type": "local_shell"}, {"type": "apply_patch"}, {"type": "namespace", "name": "n",
            "tools": [{"type": "function", "name": "f"}]}])"},
      {kMessages,
       R"({"tools": [{"type": "bash_20250124", "name": "bash"}, {"type": "web_search_20250305",
           "name": "web_search"}, {"type": "text_editor_20250728", "name": "edit"}]})",
       R"([{"type": "bash_20250124", "name": "bash"}, {"type": "text_editor_20250728",
            "name": "edit"}])"},
      {kGemini, R"({"tools": [{"functionDeclarations": [{"name": "f"}], "googleSearch": {}}]})",
       R"([{"functionDeclarations": [{"name": "f"}]}])"}};
  for (const auto& m : mixed) {
    auto screened = ScreenWith(m.format, m.fields);
    ASSERT_TRUE(screened) << m.format << ": " << screened.error().message;
    EXPECT_EQ(Json::parse(screened->body)["tools"], Json::parse(m.left)) << screened->body;
  }
  auto edited = ScreenWith(kMessages, R"({"context_management": {"edits": [
      {"type": "clear_thinking_20251015", "keep": "all"}]}, "thread": {"type": "create"}})");
  ASSERT_TRUE(edited) << edited.error().message;
  EXPECT_EQ(Json::parse(edited->body)["context_management"]["edits"][0]["keep"], "all");
  EXPECT_FALSE(Json::parse(edited->body).contains("thread"));
}

TEST(GatewayPolicyTest, AModelsOwnFieldsAreForThatModelAlone) {
  ExtraFields extra = {{"m", {"guided_json"}}, {"other", {}}};
  ScreenOptions options{.extra_fields = &extra};
  Json body = Plain(kChat);
  body["guided_json"] = {{"type", "object"}};
  auto own = Screen(Of(kChat), body.dump(), options);
  ASSERT_TRUE(own) << own.error().message;
  EXPECT_EQ(Json::parse(own->body)["guided_json"]["type"], "object");
  body["model"] = "other";
  EXPECT_FALSE(Screen(Of(kChat), body.dump(), options));
  body["model"] = "m";
  body["messages"][0]["guided_json"] = 1;
  EXPECT_FALSE(Screen(Of(kChat), body.dump(), options)) << "at the top of a request alone";
}

TEST(PolicyTest, EveryBadRequestIsRefusedWithItsCode) {
  for (const Bad& bad : kBad) {
    auto screened = ScreenWith(bad.format, bad.fields);
    ASSERT_FALSE(screened) << bad.format << " let through " << bad.fields;
    EXPECT_EQ(screened.error().status, 403);
    EXPECT_EQ(screened.error().code, bad.code) << bad.fields << ": " << screened.error().message;
  }
}

const std::pair<const char*, const char*> kGood[] = {
    {kChat, R"({"tools": [{"type": "function", "function": {"name": "f",
        "parameters": {"type": "object", "properties": {"url": {"default": "http://x"}}}}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "temperature": 0.5,
        "stop": ["a", "b"], "seed": 1, "response_format": {"type": "json_object"}})"},
    {kChat,
     R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "see https://x"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function",
        "function": {"name": "f", "arguments": "{}"}}], "audio": null},
        {"role": "tool", "tool_call_id": "c", "content": "1"}]})"},
    {kResponses, R"({"input": [{"role": "user", "content": "x"},
        {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "e"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "1"}],
        "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": true}],
        "include": ["reasoning.encrypted_content"], "previous_response_id": null,
        "background": false, "max_output_tokens": 5})"},
    {kMessages, R"({"system": [{"type": "text", "text": "x",
        "cache_control": {"type": "ephemeral"}}], "tools": [{"name": "f", "input_schema": {}},
        {"type": "custom", "name": "g", "input_schema": {}}],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "messages": [{"role": "user", "content": [{"type": "image", "source":
        {"type": "base64", "media_type": "image/png", "data": "AA"}}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": "s"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"any": ["thing"]}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "1"}]}]})"},
    {kGemini, R"({"system_instruction": {"parts": [{"text": "x"}]},
        "tools": [{"function_declarations": [{"name": "f", "parameters": {}}]}],
        "generation_config": {"max_output_tokens": 5, "thinkingConfig": {"thinkingBudget": 0}},
        "contents": [{"parts": [{"inline_data": {"mime_type": "image/png", "data": "AA"}},
        {"functionCall": {"name": "f", "args": {"snake_case": 1}}}]}]})"},
    {kEmbeddings, R"({"input": [[1, 2], [3]], "encoding_format": "base64"})"},
    {kCompletions, R"({"prompt": ["a", "b"], "n": 2, "stop": "x", "echo": true})"},
};

TEST(PolicyTest, WhatAgentsNeedIsLetThrough) {
  for (const auto& [format, fields] : kGood) {
    auto screened = ScreenWith(format, fields);
    EXPECT_TRUE(screened) << fields << ": " << screened.error().message;
  }
}

TEST(PolicyTest, FieldsThatSayWhoseRequestItIsAreTakenOutAndFlagged) {
  auto screened = ScreenWith(kChat, R"({"user": "me", "metadata": {"a": "b"},
      "service_tier": "priority", "prompt_cache_key": "k", "store": true})");
  ASSERT_TRUE(screened);
  Json body = Json::parse(screened->body);
  for (const char* gone : {"user", "metadata", "service_tier", "prompt_cache_key"})
    EXPECT_FALSE(body.contains(gone)) << gone;
  EXPECT_EQ(body["store"], false);
  EXPECT_EQ(screened->flags.size(), 5u);
  auto silent = ScreenWith(kChat, R"({"store": false, "user": null})");
  ASSERT_TRUE(silent);
  EXPECT_TRUE(silent->flags.empty()) << "nothing was changed";
}

TEST(PolicyTest, ReadsTheDeclaredOutputWhereverItStands) {
  EXPECT_EQ(
      *ScreenWith(kChat, R"({"max_tokens": 5, "max_completion_tokens": 70})")->facts.output_limit,
      70);
  EXPECT_EQ(*ScreenWith(kResponses, R"({"max_output_tokens": 5})")->facts.output_limit, 5);
  EXPECT_EQ(*ScreenWith(kGemini, R"({"generation_config": {"max_output_tokens": 5}})")
                 ->facts.output_limit,
            5);
  EXPECT_FALSE(ScreenWith(kGemini, "{}")->facts.output_limit);
  EXPECT_EQ(ScreenWith(kChat, R"({"n": 3})")->facts.answers, 3);
  EXPECT_EQ(ScreenWith(kGemini, R"({"generationConfig": {"candidateCount": 4}})")->facts.answers,
            4);
  EXPECT_EQ(ScreenWith(kCompletions, R"({"prompt": ["a", "b"], "best_of": 3})")->facts.answers, 6);
}

TEST(PolicyTest, TwoTextsOfOneRequestAreOneAndTheLastOfTwoKeysCounts) {
  auto a = Screen(Of(kChat), R"({"model":"m","messages":[]})");
  auto b = Screen(Of(kChat), "{ \"messages\" : [ ], \"model\" : \"m\" }");
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->body, b->body);
  auto twice = Screen(Of(kChat), R"({"model":"m","max_tokens":9,"max_tokens":1,"messages":[]})");
  ASSERT_TRUE(twice);
  EXPECT_EQ(Json::parse(twice->body)["max_tokens"], *twice->facts.output_limit)
      << "what is counted is what is sent";
}

TEST(PolicyTest, TheFinishedBodyNamesTheProvidersModelAndALimit) {
  auto chat = ScreenWith(kChat, R"({"max_tokens": null, "stream": true})");
  ASSERT_TRUE(chat);
  Json body = Json::parse(FinishBody(Of(kChat), *chat, {"real-name", "max_completion_tokens", 77}));
  EXPECT_EQ(body["model"], "real-name");
  EXPECT_EQ(body["max_completion_tokens"], 77);
  EXPECT_EQ(body["stream_options"]["include_usage"], true);
  auto responses = ScreenWith(kResponses, "{}");
  body = Json::parse(FinishBody(Of(kResponses), *responses, {"r", "max_tokens", 0}));
  EXPECT_EQ(body["store"], false) << "its default is true";
  EXPECT_FALSE(body.contains("max_output_tokens"));
  auto gemini = ScreenWith(kGemini, "{}");
  body = Json::parse(FinishBody(Of(kGemini), *gemini, {"g", "max_tokens", 77}));
  EXPECT_EQ(body["generationConfig"]["maxOutputTokens"], 77);
  EXPECT_FALSE(body.contains("model"));
}

TEST(PolicyTest, ThePromptsBoundIsAboveOneTokenAByteAndCountsPictures) {
  auto text = ScreenWith(kChat, "{}");
  EXPECT_GE(MostInput(*text, 1, 1'000'000), static_cast<std::int64_t>(text->body.size()));
  EXPECT_EQ(MostInput(*text, 1, 50), 50) << "never more than the model's context";
  auto picture = ScreenWith(kChat, R"({"messages": [{"role": "user", "content": [
      {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]}]})");
  EXPECT_GT(MostInput(*picture, 1, 1'000'000), 30'000);
  auto many = ScreenWith(kEmbeddings, "{}");
  EXPECT_GT(MostInput(*many, 1, 50), 50) << "each of them may fill the context";
}

// R9: a name of 8 MB was compared with every known one, for seven seconds.
TEST(PolicyTest, ALongFieldsNameIsRefusedWithoutBeingCompared) {
  for (const char* format : {kChat, kResponses, kMessages, kGemini}) {
    Json body = Plain(format);
    body[std::string(8 << 20, 'x')] = 1;
    auto screened = Screen(Of(format), body.dump());
    ASSERT_FALSE(screened);
    EXPECT_EQ(screened.error().code, "field_not_allowed");
    EXPECT_NE(screened.error().message.find("longer than 256 bytes"), std::string::npos)
        << screened.error().message.substr(0, 300);
    EXPECT_LT(screened.error().message.size(), 1000u);
  }
}

TEST(PolicyTest, AMessageWithoutATypeIsAMessage) {
  EXPECT_TRUE(ScreenWith(kResponses, R"({"input": [{"role": "user", "content": "x"}]})"));
  EXPECT_TRUE(ScreenWith(kChat, R"({"modalities": ["text"]})"));
}

TEST(PolicyTest, WhatIsNotOneObjectIsABadRequest) {
  for (const char* text : {"", "[]", "null", "{", "{} {}", "\xff"}) {
    auto screened = Screen(Of(kChat), text);
    ASSERT_FALSE(screened) << text;
    EXPECT_EQ(screened.error().status, 400);
    EXPECT_EQ(screened.error().code, "invalid_json");
  }
}

TEST(AllowlistTest, EveryFormatsRulesAreJsonAndNameRulesThatExist) {
  for (const WireFormat* format : WireFormats()) {
    Json rules = Json::parse(format->Allowlist(), nullptr, false);
    ASSERT_TRUE(rules.is_object() && rules.contains("root")) << format->name();
    Json flat = rules.flatten();
    for (const auto& [path, value] : flat.items()) {
      if (!value.is_string()) continue;
      std::string text = value;
      bool known = !text.starts_with('@') || rules.contains(text.substr(1));
      EXPECT_TRUE(known) << path << text;
    }
  }
}

}  // namespace
}  // namespace podium::agents
