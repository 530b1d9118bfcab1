#include "agents/gateway/formats.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr std::size_t kLongestLine = 32 << 20;

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

std::int64_t Number(const Json& object, const char* key) {
  return std::clamp<std::int64_t>(JsonOr<std::int64_t>(object, key, 0), 0, 1'000'000'000'000);
}

TokenCount OpenAi(const Json& usage, const char* input, const char* output, const char* details) {
  TokenCount out{.input = Number(usage, input), .output = Number(usage, output)};
  if (const Json* d = Member(usage, details))
    out.cached = std::min(out.input, Number(*d, "cached_tokens"));
  return out;
}

// Parts of a stream: the first has the prompt, later ones the output so far.
void AddAnthropic(const Json& usage, std::optional<TokenCount>& count) {
  TokenCount out = count.value_or(TokenCount{});
  if (usage.contains("input_tokens") && !usage["input_tokens"].is_null()) {
    out.cached = Number(usage, "cache_read_input_tokens");
    out.cache_write = Number(usage, "cache_creation_input_tokens");
    out.input = Number(usage, "input_tokens") + out.cached + out.cache_write;
  }
  out.output = std::max(out.output, Number(usage, "output_tokens"));
  count = out;
}

TokenCount Gemini(const Json& usage) {
  TokenCount out;
  out.input = Number(usage, "promptTokenCount") + Number(usage, "toolUsePromptTokenCount");
  out.cached = std::min(out.input, Number(usage, "cachedContentTokenCount"));
  out.output = Number(usage, "candidatesTokenCount") + Number(usage, "thoughtsTokenCount");
  return out;
}

void AddUsage(Format format, const Json& value, std::optional<TokenCount>& count) {
  const Json* usage = Member(value, format == Format::kGemini ? "usageMetadata" : "usage");
  if (!usage || !usage->is_object()) return;
  switch (format) {
    case Format::kChat:
    case Format::kEmbeddings:
    case Format::kCompletions:
      count = OpenAi(*usage, "prompt_tokens", "completion_tokens", "prompt_tokens_details");
      return;
    case Format::kResponses:
      count = OpenAi(*usage, "input_tokens", "output_tokens", "input_tokens_details");
      return;
    case Format::kMessages:
      return AddAnthropic(*usage, count);
    case Format::kGemini:
      count = Gemini(*usage);
      return;
  }
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
  auto parsed = ParseJson(text, "a model's answer");
  if (!parsed) return;
  // Gemini's stream without alt=sse is a list; its last element has the whole usage.
  const Json& value = parsed->is_array() && !parsed->empty() ? parsed->back() : *parsed;
  const Json* error = Member(value, "error");
  if ((error && !error->is_null()) || JsonOr<std::string>(value, "type", "") == "error" ||
      JsonOr<std::string>(value, "type", "") == "response.failed")
    failed_ = true;
  AddUsage(format_, value, count_);
  for (const char* inside : {"response", "message"}) {
    if (const Json* nested = Member(value, inside)) AddUsage(format_, *nested, count_);
  }
}

void UsageReader::Line(std::string_view line) {
  line = Trim(line);
  if (!line.starts_with("data:")) return;
  // Most pieces carry text alone; only these are worth parsing.
  if (line.find("\"usage") == std::string_view::npos &&
      line.find("error\"") == std::string_view::npos)
    return;
  Value(Trim(line.substr(5)));
}

void UsageReader::Add(std::string_view piece) {
  rest_ += piece;
  if (!events_) return;
  std::size_t from = 0;
  for (std::size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', from)) {
    Line(std::string_view(rest_).substr(from, end - from));
    from = end + 1;
  }
  rest_.erase(0, from);
  if (rest_.size() > kLongestLine) rest_.clear();
}

std::optional<TokenCount> UsageReader::End() {
  if (events_)
    Line(rest_);
  else
    Value(rest_);
  rest_.clear();
  return count_;
}

}  // namespace podium::agents
