#include "agents/models/wire/wire_json.h"

#include <algorithm>

#include "agents/models/wire/foreign_json.h"

namespace podium::agents {

const Json* Member(const Json& object, const char* key) {
  auto it = object.is_object() ? object.find(key) : object.end();
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

std::optional<std::int64_t> WholeNumber(const Json& object, const char* key) {
  const Json* value = Member(object, key);
  if (!value || !value->is_number_integer()) return std::nullopt;
  return value->get<std::int64_t>();
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

bool HasAnyWord(std::string_view data, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(
      words, [&](std::string_view word) { return data.find(word) != std::string_view::npos; });
}

std::optional<std::int64_t> UsageCount(const Json& object, const char* key, UsageSeen& seen) {
  if (!Member(object, key)) return std::nullopt;
  auto count = ForeignCount(object, key);
  seen.broken = seen.broken || !count;
  return count;
}

void AddOpenAiUsage(const Json& value, const char* input, const char* output, const char* details,
                    UsageSeen& seen) {
  const Json* usage = Member(value, "usage");
  if (!usage || !usage->is_object()) return;
  seen.broken = false;  // a later report stands for the earlier
  auto in = UsageCount(*usage, input, seen), out = UsageCount(*usage, output, seen);
  if (in) seen.input = in;
  if (out) seen.output = out;
  UsageSeen none;  // what cannot be read there was not cached, or thought
  if (const Json* d = Member(*usage, details))
    seen.cached = UsageCount(*d, "cached_tokens", none).value_or(0);
  for (const char* of_output : {"completion_tokens_details", "output_tokens_details"}) {
    if (const Json* d = Member(*usage, of_output))
      seen.reasoning = UsageCount(*d, "reasoning_tokens", none).value_or(0);
  }
}

WireTraits OpenAiTraits(std::string name, std::string upstream) {
  WireTraits out;
  out.name = std::move(name);
  out.path = "/v1" + upstream;
  out.upstream = std::move(upstream);
  out.key_header = "Authorization";
  out.key_prefix = "Bearer ";
  out.short_path = true;
  return out;
}

std::int64_t PromptsIn(const Json& request, const char* key) {
  const Json* prompt = Member(request, key);
  bool list = prompt && prompt->is_array() && !prompt->empty();
  if (!list || (*prompt)[0].is_number()) return 1;
  return static_cast<std::int64_t>(prompt->size());
}

void ReportUsageInStream(Json& request) {
  if (!request["stream_options"].is_object()) request["stream_options"] = Json::object();
  request["stream_options"]["include_usage"] = true;
}

bool AsksForUsage(const Json& request) {
  const Json* options = Member(request, "stream_options");
  return options && JsonOr(*options, "include_usage", false);
}

bool IsUsageChunk(const Json& event) {
  const Json* choices = Member(event, "choices");
  const Json* usage = Member(event, "usage");
  return choices && choices->is_array() && choices->empty() && usage && usage->is_object();
}

std::optional<GeminiPath> ParseGeminiPath(std::string_view path) {
  for (std::string_view before : {"/v1beta/models/", "/v1/models/", "/v1alpha/models/"}) {
    std::size_t colon = path.rfind(':');
    if (!path.starts_with(before) || colon == std::string_view::npos || colon <= before.size())
      continue;
    std::string_view model = path.substr(before.size(), colon - before.size());
    if (model.find_first_of("/%?#\\") != std::string_view::npos) return std::nullopt;
    return GeminiPath{std::string(model), std::string(path.substr(colon + 1))};
  }
  return std::nullopt;
}

std::string_view ErrorType(int status) {
  switch (status) {
    case 400:
      return "invalid_request_error";
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 529:
      return "overloaded_error";
    default:
      return "api_error";
  }
}

bool HasFinishReason(std::string_view data) {
  std::size_t at = data.find("finish_reason\"");
  if (at == std::string_view::npos) return false;
  std::size_t value = data.find_first_not_of(" :\r\n\t", at + 14);
  return value != std::string_view::npos && data[value] != 'n';
}

std::string DataUrl(const ChatPart& picture) {
  return "data:" + picture.media_type + ";base64," + picture.data;
}

Json ObjectFrom(const std::string& text) {
  auto parsed = ParseForeignJson(text, "arguments");
  if (parsed && parsed->is_object()) return std::move(*parsed);
  return text.empty() ? Json::object() : Json{{"arguments", text}};
}

Json SchemaFrom(const std::string& text) {
  auto parsed = ParseJson(text, "tool parameters");
  return parsed ? std::move(*parsed) : Json::object();
}

namespace {

void Close(Json& schema) {
  if (!schema.is_structured()) return;
  for (auto& value : schema) Close(value);
  bool object = schema.is_object() && schema.contains("properties");
  if (!object || !schema["properties"].is_object()) return;
  schema["additionalProperties"] = false;
  schema["required"] = Json::array();
  for (const auto& [name, value] : schema["properties"].items()) schema["required"].push_back(name);
}

}  // namespace

Json ClosedSchema(const std::string& text) {
  Json schema = SchemaFrom(text);
  Close(schema);
  return schema;
}

const ToolSpec* AnswerShape(const ChatRequest& request, const EncodeOptions& options,
                            const char* field) {
  if (!options.by_schema || request.forced_tool.empty() || options.omit.contains(field))
    return nullptr;
  auto found = std::ranges::find(request.tools, request.forced_tool, &ToolSpec::name);
  return found == request.tools.end() ? nullptr : &*found;
}

std::string TextOf(const Json* content) {
  if (!content) return {};
  if (content->is_string()) return content->get<std::string>();
  if (content->is_object()) {
    std::string type = ForeignText(*content, "type");
    bool text = type.empty() || type == "text" || type == "output_text";
    const Json* inner = Member(*content, "text");
    if (inner && inner->is_object()) inner = Member(*inner, "value");
    return text && inner && inner->is_string() ? inner->get<std::string>() : std::string();
  }
  std::string out;
  if (!content->is_array()) return out;
  for (const Json& part : *content) out += TextOf(&part);
  return out;
}

std::optional<ModelFault> ReportedFault(const Json& part) {
  bool says_error = ForeignText(part, "object") == "error" || ForeignText(part, "type") == "error";
  const Json* error = Member(part, "error");
  bool empty = error && (error->empty() || *error == Json(false) || *error == Json(""));
  if ((!error || empty) && !says_error) return std::nullopt;
  return JudgeError(200, DumpJson(part));
}

std::string FirstToolName(const Json& request, const char* list, const char* inner) {
  const Json* tools = Member(request, list);
  if (!tools || !tools->is_array()) return "";
  for (const Json& tool : *tools) {
    const Json* function = inner ? Member(tool, inner) : &tool;
    if (function && HasText(*function, "name")) return ForeignText(*function, "name");
  }
  return "";
}

std::string EventText(std::string_view type, const Json& data) {
  std::string line = type.empty() ? "" : "event: " + std::string(type) + "\n";
  return line + "data: " + DumpJson(data) + "\n\n";
}

void Omit(Json& request, const std::set<std::string>& fields) {
  for (const auto& field : fields) request.erase(field);
}

}  // namespace podium::agents
