#include "agents/llm/chat_client.h"

#include <algorithm>

#include "agents/llm/record_store.h"
#include "base/json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr const char* kContextOverflow = "context_overflow";

bool Retryable(const HttpResponse& r) {
  if (r.should_retry) return *r.should_retry;
  if (r.status == 429) return r.body.find("insufficient_quota") == std::string::npos;
  return r.status == 0 || r.status == 408 || r.status == 409 || r.status >= 500;
}

// 0.5 s doubled per attempt, at most 20 s; the server's wish counts up to two minutes.
Millis Backoff(const HttpResponse& r, int attempt) {
  if (r.retry_after) return std::min(*r.retry_after, Millis(120'000));
  return Millis(std::min(500 << attempt, 20'000));
}

std::string Describe(const ModelConfig& config, const HttpResponse& r) {
  std::string where = "model '" + config.model + "' at " + config.base_url;
  if (r.status == 0) return where + " did not answer: " + r.transport_error;
  std::string text = Printable(r.body.substr(0, 500));
  return where + " answered HTTP " + std::to_string(r.status) + (text.empty() ? "" : ": " + text);
}

std::string Advice(const HttpResponse& r) {
  if (r.status == 401 || r.status == 403) return ". Check OPENAI_API_KEY.";
  if (r.status == 404)
    return ". Check OPENAI_BASE_URL (it should end in /v1) and the model's name.";
  if (r.status == 0) return ". Is the server up? OPENAI_BASE_URL says where it is looked for.";
  return "";
}

// As OpenAI, llama.cpp, vLLM and proxies of Anthropic's models say it.
bool SaysContextOverflow(const HttpResponse& r) {
  if (r.status != 400 && r.status != 413 && r.status != 422) return false;
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"context_length_exceeded", "exceed_context_size",
                                              "maximum context length", "prompt is too long"},
      [&](std::string_view words) { return r.body.find(words) != std::string::npos; });
}

// Adds one stream chunk (or a whole answer: "message" in place of "delta").
void AddChoice(const Json& choice, ChatReply& reply) {
  const char* key = choice.contains("delta") ? "delta" : "message";
  auto delta = choice.find(key);
  if (delta != choice.end() && delta->is_object()) {
    reply.content += JsonOr<std::string>(*delta, "content", "");
    if (auto calls = delta->find("tool_calls"); calls != delta->end() && calls->is_array()) {
      for (const auto& call : *calls) {
        if (JsonOr(call, "index", 0) != 0 || !call.contains("function")) continue;
        reply.tool_name += JsonOr<std::string>(call["function"], "name", "");
        reply.tool_arguments += JsonOr<std::string>(call["function"], "arguments", "");
      }
    }
  }
  std::string reason = JsonOr<std::string>(choice, "finish_reason", "");
  if (!reason.empty()) reply.finish_reason = reason;
}

Status AddPart(const Json& part, ChatReply& reply) {
  if (part.contains("error") && !part["error"].is_null()) {
    return Fail(ErrorCode::kModel,
                "the model server reported: " + DumpJson(part["error"]).substr(0, 500));
  }
  if (auto usage = part.find("usage"); usage != part.end() && usage->is_object()) {
    reply.usage.prompt = JsonOr<std::int64_t>(*usage, "prompt_tokens", 0);
    reply.usage.completion = JsonOr<std::int64_t>(*usage, "completion_tokens", 0);
  }
  auto choices = part.find("choices");
  if (choices == part.end() || !choices->is_array()) return {};
  for (const auto& choice : *choices) {
    if (JsonOr(choice, "index", 0) == 0) AddChoice(choice, reply);
  }
  return {};
}

}  // namespace

bool IsContextOverflow(const Error& error) {
  return std::ranges::find(error.context, std::pair<std::string, std::string>(
                                              "reason", kContextOverflow)) != error.context.end();
}

std::string ChatRequestBody(const ModelConfig& config, const ChatRequest& request) {
  Json messages = Json::array();
  for (const auto& m : request.messages)
    messages.push_back({{"role", m.role}, {"content", m.content}});
  Json body = {{"model", config.model},
               {"messages", messages},
               {"temperature", request.temperature},
               {"max_tokens", request.max_tokens},
               {"seed", request.seed},
               {"stream", true},
               {"stream_options", {{"include_usage", true}}}};
  if (request.tool) {
    auto parameters = ParseJson(request.tool->parameters_json, "tool parameters");
    Json function = {{"name", request.tool->name},
                     {"description", request.tool->description},
                     {"parameters", parameters ? *parameters : Json::object()}};
    body["tools"] = Json::array({Json{{"type", "function"}, {"function", function}}});
    body["tool_choice"] = {{"type", "function"}, {"function", {{"name", request.tool->name}}}};
  }
  return DumpJson(body);
}

Result<ChatReply> ParseChatResponse(std::string_view body) {
  ChatReply reply;
  if (Trim(body).starts_with('{')) {
    PODIUM_ASSIGN(Json whole, ParseJson(body, "the model's answer"));
    PODIUM_TRY(AddPart(whole, reply));
    if (reply.finish_reason.empty() && reply.content.empty() && reply.tool_name.empty()) {
      return Fail(ErrorCode::kModel,
                  "the model's answer holds no choice: " + std::string(body.substr(0, 300)));
    }
    return reply;
  }
  bool any = false;
  for (auto line : Split(body, '\n')) {
    line = Trim(line);
    if (!line.starts_with("data:")) continue;
    line = Trim(line.substr(5));
    if (line == "[DONE]") break;
    PODIUM_ASSIGN(Json part, ParseJson(line, "a streamed part of the model's answer"));
    PODIUM_TRY(AddPart(part, reply));
    any = true;
  }
  if (!any)
    return Fail(ErrorCode::kModel, "the model's answer is neither JSON nor an event stream: " +
                                       Printable(body.substr(0, 200)));
  if (reply.finish_reason.empty()) reply.finish_reason = "cut";
  return reply;
}

ChatClient::ChatClient(HttpClient& http, ModelConfig config, std::filesystem::path record_dir)
    : http_(http), config_(std::move(config)), record_dir_(std::move(record_dir)) {}

Task<Result<HttpResponse>> ChatClient::PostWithRetries(std::string body, Deadline deadline,
                                                       TokenUsage& usage) {
  auto started = std::chrono::steady_clock::now();
  for (int attempt = 0;; ++attempt) {
    HttpRequest request;
    request.url = config_.base_url + "/chat/completions";
    request.headers = {"Content-Type: application/json", "Accept: text/event-stream", "Expect:"};
    if (!config_.api_key.empty())
      request.headers.push_back("Authorization: Bearer " + config_.api_key);
    request.body = body;
    Deadline until = Deadline::In(config_.request_timeout).Earlier(deadline);
    auto response = co_await http_.Post(std::move(request), until);
    usage.calls += 1;
    usage.wait = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - started);
    if (response.status >= 200 && response.status < 300) co_return response;
    std::string text = Describe(config_, response) + Advice(response);
    if (SaysContextOverflow(response))
      co_return tl::unexpected(Error{ErrorCode::kModel, text}.With("reason", kContextOverflow));
    if (!Retryable(response)) co_return Fail(ErrorCode::kModel, text);
    Millis pause = Backoff(response, attempt);
    if (attempt + 1 >= config_.max_attempts) {
      co_return Fail(ErrorCode::kUnavailable,
                     text + " (" + std::to_string(attempt + 1) + " attempts)");
    }
    if (deadline.remaining() <= pause)
      co_return Fail(ErrorCode::kTimeout, text + " (no time for another attempt)");
    Deadline wake = Deadline::In(pause);
    co_await SleepUntil(wake);
  }
}

Task<Result<ChatReply>> ChatClient::Complete(ChatRequest request, Deadline deadline) {
  std::string body = ChatRequestBody(config_, request);
  RecordStore store(record_dir_);
  if (auto known = store.Find(body)) {
    auto reply = ParseChatResponse(*known);
    if (reply) reply->replayed = true;
    co_return reply;
  }
  TokenUsage usage;
  auto response = co_await PostWithRetries(body, deadline, usage);
  if (!response) co_return tl::unexpected(response.error());
  auto reply = ParseChatResponse(response->body);
  if (!reply) co_return reply;
  auto saved = store.Save(body, response->body);
  if (!saved) co_return tl::unexpected(saved.error());
  reply->usage.calls = usage.calls;
  reply->usage.wait = usage.wait;
  co_return reply;
}

}  // namespace podium::agents
