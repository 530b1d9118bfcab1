#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/llm/http_client.h"
#include "agents/search_node.h"
#include "base/async.h"
#include "base/clock.h"
#include "base/result.h"

namespace podium::agents {

struct ChatMessage {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

struct ToolSpec {
  std::string name;
  std::string description;
  std::string parameters_json;  // JSON schema
};

struct ChatRequest {
  std::vector<ChatMessage> messages;
  std::optional<ToolSpec> tool;  // forced: the answer should be a call of it
  double temperature = 0.5;
  int max_tokens = 2048;
  std::int64_t seed = 0;
};

// What came back. Text where a tool call was forced, invalid arguments, a cut answer: all are
// values here.
struct ChatReply {
  std::string content;
  std::string tool_name;       // "" when no tool was called
  std::string tool_arguments;  // JSON text as the model wrote it
  std::string finish_reason;   // "stop", "length", "tool_calls", ...
  bool replayed = false;       // read from the trial's record: asked and paid before
  TokenUsage usage;
};

struct ModelConfig {
  std::string base_url;  // ".../v1"
  std::string api_key;   // may be empty (local servers)
  std::string model;
  int max_attempts = 5;
  Millis request_timeout{600'000};
};

// A client of OpenAI's Chat Completions, streaming, one a trial. Every answer is stored under
// `record_dir` by the digest of its request before it is returned, so an interrupted trial that
// asks the same again is answered from disk and pays nothing. Retries 408, 409, 429 (unless
// insufficient_quota), 5xx and connection failures with exponential back-off or retry-after.
class ChatClient {
 public:
  ChatClient(HttpClient& http, ModelConfig config, std::filesystem::path record_dir);

  // Error kModel: refused for good (401, 400, ...). kUnavailable: no answer after all attempts or
  // by the deadline.
  Task<Result<ChatReply>> Complete(ChatRequest request, Deadline deadline);

  [[nodiscard]] const ModelConfig& config() const { return config_; }

 private:
  Task<Result<HttpResponse>> PostWithRetries(std::string body, Deadline deadline,
                                             TokenUsage& usage);
  HttpClient& http_;
  ModelConfig config_;
  std::filesystem::path record_dir_;
};

// Whether Complete failed because prompt and answer do not fit the model's context: the asker's
// affair, not the server's.
[[nodiscard]] bool IsContextOverflow(const Error& error);

// The request as sent: canonical JSON (keys sorted). Exposed for tests.
[[nodiscard]] std::string ChatRequestBody(const ModelConfig& config, const ChatRequest& request);
// A server-sent-event stream or a plain JSON answer, put together. An "error" member is an error.
[[nodiscard]] Result<ChatReply> ParseChatResponse(std::string_view body);

}  // namespace podium::agents
