#include "agents/gateway/formats.h"

#include <algorithm>

#include "agents/models/foreign_json.h"
#include "base/json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr FormatInfo kFormats[] = {
    {Format::kChat, "chat", "/v1/chat/completions", "/chat/completions", "Authorization",
     "Bearer "},
    {Format::kResponses, "responses", "/v1/responses", "/responses", "Authorization", "Bearer "},
    {Format::kEmbeddings, "embeddings", "/v1/embeddings", "/embeddings", "Authorization", "Bearer ",
     0, false},
    {Format::kCompletions, "completions", "/v1/completions", "/completions", "Authorization",
     "Bearer ", 16},
    {Format::kMessages, "messages", "/v1/messages", "/messages", "x-api-key", ""},
    {Format::kGemini, "gemini", "/v1beta/models/", "/models/", "x-goog-api-key", ""},
};

struct GeminiCode {
  int status;
  std::string_view name;
};
constexpr GeminiCode kGeminiCodes[] = {{400, "INVALID_ARGUMENT"},  {401, "UNAUTHENTICATED"},
                                       {403, "PERMISSION_DENIED"}, {404, "NOT_FOUND"},
                                       {413, "INVALID_ARGUMENT"},  {502, "UNAVAILABLE"}};
constexpr GeminiCode kAnthropicTypes[] = {
    {400, "invalid_request_error"}, {401, "authentication_error"}, {403, "permission_error"},
    {404, "not_found_error"},       {413, "request_too_large"},    {502, "api_error"}};

std::string_view NameOf(std::span<const GeminiCode> names, int status, std::string_view fallback) {
  for (const auto& n : names) {
    if (n.status == status) return n.name;
  }
  return fallback;
}

std::optional<Route> GeminiRoute(std::string_view path) {
  std::string_view rest = path.substr(InfoOf(Format::kGemini).path.size());
  std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view verb = rest.substr(colon + 1), model = rest.substr(0, colon);
  if (verb != "generateContent" && verb != "streamGenerateContent") return std::nullopt;
  if (model.empty() || model.find_first_of("/%?#\\") != std::string_view::npos) return std::nullopt;
  return Route{Format::kGemini, std::string(model), verb == "streamGenerateContent"};
}

const Json* Member(const Json& object, const char* key) {
  auto it = object.is_object() ? object.find(key) : object.end();
  return it == object.end() ? nullptr : &*it;
}

using Seen = UsageReader::Seen;

// A member that may be missing or null; one that is there and no count makes the whole unreadable.
std::optional<std::int64_t> Count(const Json& object, const char* key, Seen& seen) {
  const Json* value = Member(object, key);
  if (!value || value->is_null()) return std::nullopt;
  auto count = ForeignCount(object, key);
  seen.broken = seen.broken || !count;
  return count;
}

void AddOpenAi(const Json& usage, const char* input, const char* output, const char* details,
               Seen& seen) {
  auto in = Count(usage, input, seen), out = Count(usage, output, seen);
  if (in) seen.input = in;
  if (out) seen.output = out;
  if (const Json* d = Member(usage, details)) {
    Seen none;  // what cannot be read there was not cached
    seen.cached = Count(*d, "cached_tokens", none).value_or(0);
  }
}

// Parts of a stream: the first has the prompt, later ones the output so far.
void AddAnthropic(const Json& usage, Seen& seen) {
  if (auto input = Count(usage, "input_tokens", seen)) {
    seen.cached = Count(usage, "cache_read_input_tokens", seen).value_or(0);
    seen.cache_write = Count(usage, "cache_creation_input_tokens", seen).value_or(0);
    seen.input = *input + seen.cached + seen.cache_write;
  }
  if (auto output = Count(usage, "output_tokens", seen))
    seen.output = std::max(seen.output.value_or(0), *output);
}

// A count of nothing is left out of these answers.
void AddGemini(const Json& usage, Seen& seen) {
  auto prompt = Count(usage, "promptTokenCount", seen);
  if (!prompt) return;
  seen.input = *prompt + Count(usage, "toolUsePromptTokenCount", seen).value_or(0);
  seen.cached = Count(usage, "cachedContentTokenCount", seen).value_or(0);
  seen.output = Count(usage, "candidatesTokenCount", seen).value_or(0) +
                Count(usage, "thoughtsTokenCount", seen).value_or(0);
}

void AddUsage(Format format, const Json& value, Seen& seen) {
  const Json* usage = Member(value, format == Format::kGemini ? "usageMetadata" : "usage");
  if (!usage || !usage->is_object()) return;
  seen.broken = false;  // a later report stands for the earlier
  switch (format) {
    case Format::kChat:
    case Format::kEmbeddings:
    case Format::kCompletions:
      return AddOpenAi(*usage, "prompt_tokens", "completion_tokens", "prompt_tokens_details", seen);
    case Format::kResponses:
      return AddOpenAi(*usage, "input_tokens", "output_tokens", "input_tokens_details", seen);
    case Format::kMessages:
      return AddAnthropic(*usage, seen);
    case Format::kGemini:
      return AddGemini(*usage, seen);
  }
}

bool HasText(const Json& object, const char* key) {
  const Json* value = Member(object, key);
  return value && value->is_string() && !value->get_ref<const std::string&>().empty();
}

bool AnyHasText(const Json& value, const char* list, const char* key) {
  const Json* items = Member(value, list);
  return items && items->is_array() &&
         std::ranges::any_of(*items, [&](const Json& item) { return HasText(item, key); });
}

// Whether this event is the last that says something of the answer.
bool Ends(Format format, const Json& value) {
  std::string type = JsonOr<std::string>(value, "type", "");
  switch (format) {
    case Format::kChat:
    case Format::kCompletions:
    case Format::kEmbeddings:
      return AnyHasText(value, "choices", "finish_reason");
    case Format::kResponses:
      return type == "response.completed" || type == "response.incomplete" ||
             type == "response.failed";
    case Format::kMessages:
      return type == "message_stop";
    case Format::kGemini: {
      const Json* feedback = Member(value, "promptFeedback");
      return AnyHasText(value, "candidates", "finishReason") ||
             (feedback && HasText(*feedback, "blockReason"));
    }
  }
  return false;
}

// Most pieces of a stream carry text alone; only the others are worth parsing.
bool WorthParsing(std::string_view data) {
  for (std::string_view word :
       {"\"usage", "error\"", "message_stop", "response.completed", "response.incomplete",
        "response.failed", "inishReason", "blockReason"}) {
    if (data.find(word) != std::string_view::npos) return true;
  }
  std::size_t at = data.find("finish_reason\"");
  if (at == std::string_view::npos) return false;
  std::size_t value = data.find_first_not_of(" :\r\n\t", at + 14);
  return value != std::string_view::npos && data[value] != 'n';
}

}  // namespace

std::span<const FormatInfo> Formats() { return kFormats; }

const FormatInfo& InfoOf(Format format) { return kFormats[static_cast<std::size_t>(format)]; }

std::optional<Format> FormatNamed(std::string_view name) {
  auto found = std::ranges::find(kFormats, name, &FormatInfo::name);
  return found == std::end(kFormats) ? std::nullopt : std::optional(found->format);
}

std::optional<Route> MatchRoute(std::string_view method, std::string_view path) {
  if (method != "POST") return std::nullopt;
  if (path.starts_with(InfoOf(Format::kGemini).path)) return GeminiRoute(path);
  for (const auto& info : kFormats) {
    if (path == info.path) return Route{info.format, {}, false};
    if (path == info.upstream && info.key_prefix == "Bearer ") return Route{info.format, {}, false};
  }
  return std::nullopt;
}

Format ShapeOf(std::string_view path) {
  if (path.starts_with("/v1beta")) return Format::kGemini;
  if (path.starts_with("/v1/messages")) return Format::kMessages;
  return Format::kChat;
}

std::string ErrorBody(Format format, int status, std::string_view code, std::string_view message) {
  Json error = {{"message", message}, {"code", code}};
  if (format == Format::kGemini) {
    Json detail = {{"@type", "type.googleapis.com/google.rpc.ErrorInfo"},
                   {"reason", code},
                   {"domain", "podium"}};
    error["code"] = status;
    error["status"] = NameOf(kGeminiCodes, status, "INTERNAL");
    error["details"] = Json::array({detail});
    return DumpJson(Json{{"error", error}});
  }
  error["type"] = NameOf(kAnthropicTypes, status, "api_error");
  if (format == Format::kMessages)
    return DumpJson(Json{{"type", "error"}, {"error", error}, {"request_id", nullptr}});
  error["param"] = nullptr;
  return DumpJson(Json{{"error", error}});
}

void UsageReader::Value(std::string_view text) {
  auto parsed = ParseForeignJson(text, "a model's answer");
  if (!parsed) return;
  // Gemini's stream without alt=sse is a list; its last element has the whole usage.
  const Json& value = parsed->is_array() && !parsed->empty() ? parsed->back() : *parsed;
  const Json* error = Member(value, "error");
  if ((error && !error->is_null()) || JsonOr<std::string>(value, "type", "") == "error" ||
      JsonOr<std::string>(value, "type", "") == "response.failed")
    failed_ = true;
  ended_ = ended_ || Ends(format_, value);
  AddUsage(format_, value, seen_);
  for (const char* inside : {"response", "message"}) {
    if (const Json* nested = Member(value, inside)) AddUsage(format_, *nested, seen_);
  }
}

void UsageReader::Take(const std::vector<StreamEvent>& events) {
  for (const StreamEvent& event : events) {
    if (event.type == "error") failed_ = true;
    if (Trim(event.data) == "[DONE]") ended_ = true;
    if (WorthParsing(event.data)) Value(event.data);
  }
}

void UsageReader::Add(std::string_view piece) {
  if (events_)
    Take(stream_.Add(piece));
  else
    rest_ += piece;
}

std::optional<TokenCount> UsageReader::End() {
  if (events_)
    Take(stream_.End());
  else
    Value(rest_);
  rest_.clear();
  bool answers = InfoOf(format_).answers;
  if (seen_.broken || !seen_.input || (answers && !seen_.output)) return std::nullopt;
  TokenCount out{.input = *seen_.input, .output = seen_.output.value_or(0)};
  out.cached = std::min(out.input, seen_.cached);
  out.cache_write = std::min(out.input, seen_.cache_write);
  return out;
}

}  // namespace podium::agents
