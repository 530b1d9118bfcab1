#include <algorithm>

#include "agents/models/wire/foreign_json.h"
#include "agents/models/wire/wire_json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr std::string_view kFields = R"json({
  "root": {
    "contents": {"?": ["@content", ["@content"]]}, "systemInstruction": "@content",
    "tools": [{"refuse": "tool_not_allowed", "others": "tool_dropped", "functionDeclarations": [
      {"name": "text", "description": "text", "parameters": "any", "parametersJsonSchema": "any",
       "response": "any", "responseJsonSchema": "any", "behavior": "text"}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "text", "allowedFunctionNames": ["text"]}},
    "generationConfig": {
      "temperature": "value", "topP": "value", "topK": "value", "maxOutputTokens": "positive",
      "stopSequences": ["text"], "seed": "value", "candidateCount": "positive",
      "responseMimeType": "text", "responseSchema": "any", "responseJsonSchema": "any",
      "presencePenalty": "value", "frequencyPenalty": "value", "responseLogprobs": "value",
      "logprobs": "value", "responseModalities": ["TEXT|text"], "mediaResolution": "text",
      "thinkingConfig": {"thinkingBudget": "value", "includeThoughts": "value",
                         "thinkingLevel": "text"}},
    "safetySettings": [{"category": "text", "threshold": "text", "method": "text"}],
    "labels": "drop"
  },
  "content": {"role": "text", "parts": ["@part"]},
  "media": "image/png|image/jpeg|image/webp|image/heic|image/heif|application/pdf|text/plain|text/csv|text/html|text/css|text/md|text/markdown|text/xml|text/rtf|text/javascript|text/x-python|application/json|application/xml|application/x-python|application/javascript",
  "part": {
    "refuse": "input_not_allowed", "text": "text",
    "inlineData": {"mimeType": "@media", "data": "text", "displayName": "text"},
    "functionCall": {"id": "text", "name": "text", "args": "any"},
    "functionResponse": {"id": "text", "name": "text", "response": "any"},
    "thought": "value", "thoughtSignature": "text"
  }
})json";

std::string_view CodeName(int status) {
  switch (status) {
    case 400:
    case 413:
      return "INVALID_ARGUMENT";
    case 401:
      return "UNAUTHENTICATED";
    case 403:
      return "PERMISSION_DENIED";
    case 404:
      return "NOT_FOUND";
    case 429:
      return "RESOURCE_EXHAUSTED";
    case 502:
    case 529:
      return "UNAVAILABLE";
    default:
      return "INTERNAL";
  }
}

StopReason StopOf(const std::string& reason, bool calls) {
  if (reason == "STOP") return calls ? StopReason::kTools : StopReason::kEnd;
  if (reason == "MAX_TOKENS") return StopReason::kLength;
  for (const char* refused : {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"}) {
    if (reason == refused) return StopReason::kRefused;
  }
  return StopReason::kOther;
}

const Json* Config(const Json& request) {
  const Json* config = Member(request, "generationConfig");
  return config && config->is_object() ? config : nullptr;
}

// Every event is an answer of its own with the parts that are new.
class GeminiReader final : public AnswerReader {
 public:
  tl::expected<void, ModelFault> AddEvent(const Json& event) override {
    if (auto fault = ReportedFault(event)) return tl::unexpected(std::move(*fault));
    if (const Json* feedback = Member(event, "promptFeedback")) {
      std::string blocked = ForeignText(*feedback, "blockReason");
      if (!blocked.empty()) {
        seen_ = true;
        reason_ = blocked;
        reply_.refusal = "the prompt was blocked: " + blocked;
      }
    }
    const Json* candidates = Member(event, "candidates");
    if (!candidates || !candidates->is_array() || candidates->empty()) return {};
    AddCandidate(candidates->front());
    return {};
  }

  // Without alt=sse a stream is a list of what would be its events.
  tl::expected<void, ModelFault> AddWhole(const Json& answer) override {
    if (!answer.is_array()) return AddEvent(answer);
    for (const Json& event : answer) {
      if (auto added = AddEvent(event); !added) return added;
    }
    return {};
  }

  [[nodiscard]] bool ended() const override { return !reason_.empty(); }
  [[nodiscard]] bool has_answer() const override { return seen_; }

  ChatReply Finish() override {
    reply_.finish_reason = reason_;
    reply_.stop =
        reply_.refusal.empty() ? StopOf(reason_, !reply_.calls.empty()) : StopReason::kRefused;
    return std::move(reply_);
  }

 private:
  void AddCandidate(const Json& candidate) {
    seen_ = true;
    std::string reason = ForeignText(candidate, "finishReason");
    if (!reason.empty()) reason_ = reason;
    const Json* content = Member(candidate, "content");
    const Json* parts = content ? Member(*content, "parts") : nullptr;
    if (!parts || !parts->is_array()) return;
    for (const Json& part : *parts) {
      bool thought = JsonOr(part, "thought", false);
      (thought ? reply_.reasoning : reply_.content) += ForeignText(part, "text");
      const Json* call = Member(part, "functionCall");
      if (!call) continue;
      const Json* args = Member(*call, "args");
      reply_.calls.push_back({ForeignText(*call, "id"), ForeignText(*call, "name"),
                              args ? DumpJson(*args) : "{}",
                              ForeignText(part, "thoughtSignature")});
    }
  }

  ChatReply reply_;
  std::string reason_;
  bool seen_ = false;
};

Json CallPart(const ToolCall& call) {
  Json out = {{"name", call.name}, {"args", ObjectFrom(call.arguments)}};
  if (!call.id.empty()) out["id"] = call.id;
  Json part = {{"functionCall", out}};
  if (!call.signature.empty()) part["thoughtSignature"] = call.signature;
  return part;
}

// Tokens of thought that an effort stands for; nothing: the model's own way.
std::optional<std::int64_t> ThinkingBudget(const std::string& effort) {
  if (effort == "none") return 0;
  if (effort == "minimal") return 512;
  if (effort == "low") return 1024;
  if (effort == "medium") return 8192;
  if (effort == "high" || effort == "xhigh" || effort == "max") return 24576;
  return std::nullopt;
}

// This provider's dialect of schemas does not know that an object can be closed.
Json OpenSchema(Json schema) {
  if (!schema.is_structured()) return schema;
  if (schema.is_object()) schema.erase("additionalProperties");
  for (auto& value : schema) value = OpenSchema(std::move(value));
  bool list = schema.is_object() && schema.contains("type") && schema["type"].is_array();
  if (!list) return schema;
  for (const Json& type : Json(schema["type"])) {
    if (type == "null")
      schema["nullable"] = true;
    else
      schema["type"] = type;
  }
  return schema;
}

Json PartJson(const ChatPart& part) {
  if (part.media_type.empty()) return {{"text", part.text}};
  return {{"inlineData", {{"mimeType", part.media_type}, {"data", part.data}}}};
}

Json PartsOf(const ChatMessage& turn) {
  Json parts = Json::array();
  for (const auto& result : turn.results) {
    Json answer = {{"name", result.name},
                   {"response", {{result.failed ? "error" : "output", result.text}}}};
    if (!result.call_id.empty()) answer["id"] = result.call_id;
    parts.push_back({{"functionResponse", answer}});
  }
  if (!turn.content.empty()) parts.push_back({{"text", turn.content}});
  for (const auto& part : turn.parts) parts.push_back(PartJson(part));
  for (const auto& call : turn.calls) parts.push_back(CallPart(call));
  return parts;
}

// Google's generateContent. The path names the model and whether the answer streams.
class Gemini final : public WireFormat {
 public:
  Gemini() : WireFormat(Traits()) {}

  [[nodiscard]] std::string_view Allowlist() const override { return kFields; }

  [[nodiscard]] std::optional<Route> Match(std::string_view path) const override {
    auto asked = ParseGeminiPath(path);
    bool streams = asked && asked->verb == "streamGenerateContent";
    if (!streams && (!asked || asked->verb != "generateContent")) return std::nullopt;
    return Route{this, std::move(asked->model), streams};
  }
  [[nodiscard]] bool OwnsPath(std::string_view path) const override {
    return path.starts_with("/v1beta") || path.starts_with("/v1alpha") || ParseGeminiPath(path);
  }
  [[nodiscard]] std::string UpstreamPath(const Route& route, const std::string& upstream_name,
                                         bool events) const override {
    return "/models/" + upstream_name +
           (route.streams ? ":streamGenerateContent" : ":generateContent") +
           (events ? "?alt=sse" : "");
  }

  [[nodiscard]] RequestFacts FactsOf(const Json& request) const override {
    RequestFacts out;
    const Json* tools = Member(request, "tools");
    for (const Json& tool : tools && tools->is_array() ? *tools : Json::array()) {
      if (out.tool.empty()) out.tool = FirstToolName(tool, "functionDeclarations", nullptr);
    }
    const Json* config = Config(request);
    if (!config) return out;
    out.output_limit = WholeNumber(*config, "maxOutputTokens");
    out.answers = std::max<std::int64_t>(WholeNumber(*config, "candidateCount").value_or(1), 1);
    return out;
  }

  void Complete(Json& request, const Finish& finish, bool) const override {
    if (finish.output_limit <= 0) return;
    if (!request["generationConfig"].is_object()) request["generationConfig"] = Json::object();
    request["generationConfig"]["maxOutputTokens"] = finish.output_limit;
  }

  // A count of nothing is left out of these answers.
  void AddUsage(const Json& value, UsageSeen& seen) const override {
    const Json* usage = Member(value, "usageMetadata");
    if (!usage || !usage->is_object()) return;
    seen.broken = false;  // a later report stands for the earlier
    auto prompt = UsageCount(*usage, "promptTokenCount", seen);
    if (!prompt) return;
    seen.input = *prompt + UsageCount(*usage, "toolUsePromptTokenCount", seen).value_or(0);
    seen.cached = UsageCount(*usage, "cachedContentTokenCount", seen).value_or(0);
    seen.reasoning = UsageCount(*usage, "thoughtsTokenCount", seen).value_or(0);
    seen.output = UsageCount(*usage, "candidatesTokenCount", seen).value_or(0) + seen.reasoning;
  }
  [[nodiscard]] bool Ends(const Json& event) const override {
    const Json* feedback = Member(event, "promptFeedback");
    return AnyHasText(event, "candidates", "finishReason") ||
           (feedback && HasText(*feedback, "blockReason"));
  }
  [[nodiscard]] bool MayTell(std::string_view data) const override {
    return HasAnyWord(data, {"\"usage", "error\"", "inishReason", "blockReason"});
  }

  [[nodiscard]] std::string ErrorBody(int status, std::string_view code,
                                      std::string_view message) const override {
    Json detail = {{"@type", "type.googleapis.com/google.rpc.ErrorInfo"},
                   {"reason", code},
                   {"domain", "podium"}};
    Json error = {{"message", message},
                  {"code", status},
                  {"status", CodeName(status)},
                  {"details", Json::array({detail})}};
    return DumpJson(Json{{"error", error}});
  }

  [[nodiscard]] bool converses() const override { return true; }

  [[nodiscard]] std::string Encode(const ChatRequest& request,
                                   const EncodeOptions& options) const override {
    constexpr std::int64_t kMostSeed = 0x7fffffff;
    Json config = {{"temperature", request.temperature},
                   {"maxOutputTokens", request.max_tokens},
                   {"seed", request.seed & kMostSeed}};
    Omit(config, options.omit);
    if (options.omit.contains("max_tokens")) config.erase("maxOutputTokens");
    Json body = {{"contents", Json::array()}, {"generationConfig", std::move(config)}};
    std::vector<std::string> system;
    for (const auto& turn : request.messages) {
      if (turn.role == "system")
        system.push_back(turn.content);
      else
        body["contents"].push_back(
            {{"role", turn.role == "assistant" ? "model" : "user"}, {"parts", PartsOf(turn)}});
    }
    if (!system.empty())
      body["systemInstruction"] = {{"parts", Json::array({{{"text", Join(system, "\n\n")}}})}};
    Json& how = body["generationConfig"];
    if (!options.omit.contains("reasoning_effort")) AddThinking(request, options, how);
    if (const ToolSpec* shape = AnswerShape(request, options, "response_format")) {
      how["responseMimeType"] = "application/json";
      how["responseSchema"] = OpenSchema(SchemaFrom(shape->parameters_json));
    } else if (!request.tools.empty() && !options.omit.contains("tools")) {
      AddTools(request, body);
    }
    return DumpJson(body);
  }

  [[nodiscard]] std::unique_ptr<AnswerReader> MakeReader() const override {
    return std::make_unique<GeminiReader>();
  }

  [[nodiscard]] std::string EncodeReply(const ChatReply& reply) const override {
    return DumpJson(ReplyJson(reply));
  }

  [[nodiscard]] std::string AnswerBody(const ChatReply& reply,
                                       const std::string& model) const override {
    Json out = ReplyJson(reply);
    out["modelVersion"] = model;
    return DumpJson(out);
  }

  [[nodiscard]] std::string StopWord(StopReason stop) const override {
    return stop == StopReason::kLength ? "MAX_TOKENS" : "STOP";
  }

  void Pieces(Json& event, std::vector<std::pair<std::string, Json*>>& out) const override {
    if (!Member(event, "candidates") || !event["candidates"].is_array()) return;
    for (Json& candidate : event["candidates"]) {
      const Json* content = Member(candidate, "content");
      if (!content || !Member(*content, "parts") || !(*content)["parts"].is_array()) continue;
      std::string place = std::to_string(ForeignCount(candidate, "index").value_or(0));
      for (Json& part : candidate["content"]["parts"]) {
        if (HasText(part, "text")) out.emplace_back(place + "/text", &part["text"]);
      }
    }
  }

 private:
  static Json ReplyJson(const ChatReply& reply) {
    ChatMessage turn{"model", reply.content, reply.calls, {}};
    Json candidate = {{"content", {{"role", "model"}, {"parts", PartsOf(turn)}}},
                      {"finishReason", reply.finish_reason}};
    Json out = {{"candidates", Json::array({candidate})}};
    if (!reply.reasoning.empty()) {
      Json& parts = out["candidates"][0]["content"]["parts"];
      parts.insert(parts.begin(), Json{{"text", reply.reasoning}, {"thought", true}});
    }
    if (!reply.refusal.empty()) out = {{"promptFeedback", {{"blockReason", reply.finish_reason}}}};
    if (reply.usage_known)
      out["usageMetadata"] = {{"promptTokenCount", reply.usage.prompt},
                              {"candidatesTokenCount", reply.usage.completion}};
    return out;
  }

  // Thoughts are part of what the limit counts.
  static void AddThinking(const ChatRequest& request, const EncodeOptions& options, Json& how) {
    auto budget = ThinkingBudget(options.reasoning_effort);
    if (!budget) return;
    how["thinkingConfig"] = {{"thinkingBudget", *budget}, {"includeThoughts", *budget > 0}};
    if (how.contains("maxOutputTokens")) how["maxOutputTokens"] = request.max_tokens + *budget;
  }

  static void AddTools(const ChatRequest& request, Json& body) {
    Json functions = Json::array();
    for (const auto& tool : request.tools)
      functions.push_back({{"name", tool.name},
                           {"description", tool.description},
                           {"parametersJsonSchema", SchemaFrom(tool.parameters_json)}});
    body["tools"] = Json::array({{{"functionDeclarations", functions}}});
    if (request.forced_tool.empty()) return;
    Json names = Json::array({request.forced_tool});
    body["toolConfig"] = {
        {"functionCallingConfig", {{"mode", "ANY"}, {"allowedFunctionNames", names}}}};
  }

  static WireTraits Traits() {
    WireTraits out;
    out.name = "gemini";
    out.path = "/v1beta/models/";
    out.upstream = "/models/";
    out.key_header = "x-goog-api-key";
    out.camel_names = true;
    out.answers_by_schema = true;
    return out;
  }
};

}  // namespace

const WireFormat& GeminiFormat() {
  static const Gemini format;
  return format;
}

}  // namespace podium::agents
