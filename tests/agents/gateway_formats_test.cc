// The wire formats: routes, usage in whole and streamed answers, errors.
#include <gtest/gtest.h>

#include "agents/models/wire/registry.h"
#include "agents/models/wire/usage_reader.h"
#include "base/json.h"

namespace podium::agents {
namespace {

constexpr const char* kChat = "chat";
constexpr const char* kResponses = "responses";
constexpr const char* kEmbeddings = "embeddings";
constexpr const char* kMessages = "messages";
constexpr const char* kGemini = "gemini";

TEST(GatewayRoutesTest, KnowsTheModelsRoutesAndNoOther) {
  for (const char* path : {"/v1/chat/completions", "/v1/responses", "/v1/embeddings",
                           "/v1/completions", "/v1/messages", "/chat/completions"})
    EXPECT_TRUE(MatchRoute("POST", path)) << path;
  auto gemini = MatchRoute("POST", "/v1beta/models/g-2.5:streamGenerateContent");
  ASSERT_TRUE(gemini);
  EXPECT_EQ(gemini->model, "g-2.5");
  EXPECT_TRUE(gemini->streams);
  for (const char* path : {"/v1/models/g-2.5:generateContent", "/v1alpha/models/g:generateContent",
                           "/v1beta/models/g:countTokens", "/v1/models/g:batchEmbedContents",
                           "/v1/messages/count_tokens", "/v1/responses/input_tokens"})
    EXPECT_TRUE(MatchRoute("POST", path)) << path;
  for (const char* path :
       {"/v1/files", "/v1/batches", "/v1/assistants", "/v1/responses/resp_1",
        "/v1/messages/batches", "/v1beta/models/a/b:generateContent",
        "/v1beta/models/..%2Fx:generateContent", "/v1beta/models/m:batchGenerateContent",
        "/v1beta/cachedContents", "/admin", "/", "/v1/chat/completions/", "//v1/chat/completions",
        "/messages"})
    EXPECT_FALSE(MatchRoute("POST", path)) << path;
  EXPECT_FALSE(MatchRoute("DELETE", "/v1/responses"));
}

TokenCount Whole(const char* format, std::string_view body) {
  UsageReader reader(*FindWireFormat(format), false);
  reader.Add(body);
  return reader.End().value_or(TokenCount{-1, -1, -1, -1});
}

TEST(UsageReaderTest, ReadsWholeAnswersOfEveryFormat) {
  EXPECT_EQ(Whole(kChat, R"({"usage": {"prompt_tokens": 10, "completion_tokens": 3,
                 "prompt_tokens_details": {"cached_tokens": 4}}})"),
            (TokenCount{10, 4, 0, 3}));
  EXPECT_EQ(Whole(kResponses, R"({"usage": {"input_tokens": 10, "output_tokens": 3,
                 "input_tokens_details": {"cached_tokens": 4}}})"),
            (TokenCount{10, 4, 0, 3}));
  EXPECT_EQ(Whole(kEmbeddings, R"({"usage": {"prompt_tokens": 7, "total_tokens": 7}})"),
            (TokenCount{7, 0, 0, 0}));
  // Anthropic counts what is read from the cache and written to it apart.
  EXPECT_EQ(Whole(kMessages, R"({"usage": {"input_tokens": 10, "output_tokens": 3,
                 "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20}})"),
            (TokenCount{130, 100, 20, 3}));
  EXPECT_EQ(Whole(kGemini, R"({"usageMetadata": {"promptTokenCount": 10,
                 "candidatesTokenCount": 3, "thoughtsTokenCount": 5,
                 "cachedContentTokenCount": 2}})"),
            (TokenCount{10, 2, 0, 8, 5}));
  EXPECT_EQ(Whole(kGemini, R"([{"usageMetadata": {"promptTokenCount": 1}},
                 {"usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 9}}])"),
            (TokenCount{1, 0, 0, 9}));
}

// The same bytes, one at a time and all at once.
std::optional<TokenCount> Streamed(const char* format, std::string_view text,
                                   bool* failed = nullptr) {
  UsageReader bytes(*FindWireFormat(format), true), all(*FindWireFormat(format), true);
  for (char c : text) bytes.Add(std::string_view(&c, 1));
  all.Add(text);
  auto a = bytes.End(), b = all.End();
  EXPECT_EQ(a, b) << text;
  if (failed) *failed = all.failed();
  return a;
}

TEST(UsageReaderTest, ReadsStreamsOfEveryFormat) {
  EXPECT_EQ(Streamed(kChat,
                     "data: {\"choices\":[],\"usage\":null}\n\n"
                     "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,"
                     "\"completion_tokens\":6}}\n\ndata: [DONE]\n\n"),
            (TokenCount{5, 0, 0, 6}));
  EXPECT_EQ(Streamed(kResponses,
                     "event: response.completed\r\ndata: {\"type\":\"response.completed\","
                     "\"response\":{\"error\":null,\"usage\":{\"input_tokens\":5,"
                     "\"output_tokens\":6}}}\r\n\r\n"),
            (TokenCount{5, 0, 0, 6}));
  EXPECT_EQ(Streamed(kMessages,
                     "event: message_start\ndata: {\"type\":\"message_start\",\"message\":"
                     "{\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":2,"
                     "\"output_tokens\":1}}}\n\n"
                     "event: message_delta\ndata: {\"type\":\"message_delta\","
                     "\"usage\":{\"output_tokens\":42}}\n\n"),
            (TokenCount{7, 2, 0, 42}));
  EXPECT_EQ(Streamed(kGemini,
                     "data: {\"usageMetadata\":{\"promptTokenCount\":5}}\n\n"
                     "data: {\"usageMetadata\":{\"promptTokenCount\":5,"
                     "\"candidatesTokenCount\":6}}"),
            (TokenCount{5, 0, 0, 6}));
}

TEST(UsageReaderTest, AnErrorAfter200IsNoticedAndTextAboutErrorsIsNot) {
  bool failed = false;
  EXPECT_FALSE(Streamed(kMessages,
                        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
                        "\"overloaded_error\"}}\n\n",
                        &failed));
  EXPECT_TRUE(failed);
  Streamed(kChat, "data: {\"choices\":[{\"delta\":{\"content\":\"an error\"}}]}\n\n", &failed);
  EXPECT_FALSE(failed);
  EXPECT_FALSE(Streamed(kChat, "data: {\"choices\":[]}\n\n")) << "no usage is no usage";
}

TEST(UsageReaderTest, CountsMayBeTextsAndOthersAreMissing) {
  EXPECT_EQ(Whole(kChat, R"({"usage": {"prompt_tokens": "11", "completion_tokens": 7.0}})"),
            (TokenCount{11, 0, 0, 7}));
  for (const char* usage : {R"({"prompt_tokens": 5})", R"({"prompt_tokens": 5,
                            "completion_tokens": "x"})",
                            R"({"prompt_tokens": 5, "completion_tokens": 1.5})", "{}", "[]"})
    EXPECT_EQ(Whole(kChat, R"({"usage": )" + std::string(usage) + "}").input, -1) << usage;
  EXPECT_EQ(Whole(kChat,
                  "\xEF\xBB\xBF{\"x\": -Infinity, \"y\": \"\xE2\x9C\", \"usage\": "
                  "{\"prompt_tokens\": 11, \"completion_tokens\": 7}}"),
            (TokenCount{11, 0, 0, 7}));
}

TEST(UsageReaderTest, ReadsStreamsByTheStandardAndKnowsTheirEnds) {
  std::string usage =
      "{\"choices\":[],\ndata: \"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6}}";
  EXPECT_EQ(Streamed(kChat, "data: " + usage + "\n\n"), (TokenCount{5, 0, 0, 6}));
  EXPECT_EQ(Streamed(kChat, "data: {\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6}}\r\r"),
            (TokenCount{5, 0, 0, 6}));
  auto ended = [](const char* format, std::string_view text) {
    UsageReader reader(*FindWireFormat(format), true);
    reader.Add(text);
    (void)reader.End();
    return reader.ended();
  };
  EXPECT_TRUE(ended(kChat, "data: [DONE]\n\n"));
  EXPECT_TRUE(ended(kChat, "data: {\"choices\":[{\"finish_reason\": \"stop\"}]}\n\n"));
  EXPECT_FALSE(ended(kChat, "data: {\"choices\":[{\"finish_reason\": null}]}\n\n"));
  EXPECT_TRUE(ended(kMessages, "data: {\"type\": \"message_stop\"}\n\n"));
  EXPECT_FALSE(ended(kMessages, "data: {\"type\": \"x\", \"t\": \"message_stop\"}\n\n"));
  EXPECT_TRUE(ended(kResponses, "data: {\"type\": \"response.incomplete\"}\n\n"));
  EXPECT_TRUE(ended(kGemini, "data: {\"candidates\":[{\"finishReason\": \"STOP\"}]}\n\n"));
}

TEST(UsageReaderTest, NonsenseIsNoUsageAndNegativeCountsAreNone) {
  EXPECT_EQ(Whole(kChat, "<html>").input, -1);
  EXPECT_EQ(Whole(kChat, R"({"usage": "many"})").input, -1);
  EXPECT_EQ(Whole(kChat, R"({"usage": {"prompt_tokens": -5, "completion_tokens": 1}})").input, -1);
}

TEST(ErrorBodyTest, HasEachProvidersShape) {
  Json openai = Json::parse(FindWireFormat(kChat)->ErrorBody(403, "budget_exhausted", "no"));
  EXPECT_EQ(openai["error"]["code"], "budget_exhausted");
  EXPECT_EQ(openai["error"]["message"], "no");
  EXPECT_TRUE(openai["error"]["param"].is_null());
  Json anthropic = Json::parse(FindWireFormat(kMessages)->ErrorBody(401, "invalid_api_key", "no"));
  EXPECT_EQ(anthropic["type"], "error");
  EXPECT_EQ(anthropic["error"]["type"], "authentication_error");
  Json gemini = Json::parse(FindWireFormat(kGemini)->ErrorBody(403, "model_not_allowed", "no"));
  EXPECT_EQ(gemini["error"]["code"], 403);
  EXPECT_EQ(gemini["error"]["status"], "PERMISSION_DENIED");
  EXPECT_EQ(gemini["error"]["details"][0]["reason"], "model_not_allowed");
}

}  // namespace
}  // namespace podium::agents
