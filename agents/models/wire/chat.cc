#include <algorithm>
#include <optional>
#include <vector>

#include "agents/models/wire/foreign_json.h"
#include "agents/models/wire/wire_json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr std::string_view kFields = R"json({
  "root": {
    "model": "text", "messages": ["@message"], "stream": "value",
    "stream_options": {"include_usage": "value", "include_obfuscation": "value"},
    "tools": ["@tool"], "tool_choice": {"?": ["text", "@choice"]}, "parallel_tool_calls": "value",
    "functions": [{"name": "text", "description": "text", "parameters": "any"}],
    "function_call": {"?": ["text", {"name": "text"}]},
    "response_format": {"type": "text", "json_schema": "any", "schema": "any"},
    "max_tokens": "positive", "max_completion_tokens": "positive", "n": "positive",
    "temperature": "value", "top_p": "value", "top_k": "value", "min_p": "value",
    "stop": "values", "seed": "value", "presence_penalty": "value", "frequency_penalty": "value",
    "repetition_penalty": "value", "logit_bias": "any", "logprobs": "value",
    "top_logprobs": "value", "reasoning_effort": "value", "verbosity": "value",
    "modalities": ["=text"], "enable_thinking": "value",
    "chat_template_kwargs": {"enable_thinking": "value", "thinking": "value"},
    "store": "false", "background": "never", "metadata": "drop", "user": "drop",
    "service_tier": "drop", "prompt_cache_key": "drop", "prompt_cache_retention": "drop",
    "safety_identifier": "drop", "usage": "drop", "web_search_options": "drop-tool"
  },
  "message": {
    "role": "text", "content": {"?": ["text", ["@part"]]}, "name": "text", "refusal": "text",
    "tool_calls": [{"id": "text", "type": "function|custom", "index": "value",
                    "function": {"name": "text", "arguments": "text"},
                    "custom": {"name": "text", "input": "text"}}],
    "tool_call_id": "text", "function_call": {"name": "text", "arguments": "text"},
    "reasoning_content": "text", "reasoning": "text", "annotations": []
  },
  "part": {"by": "type", "refuse": "input_not_allowed", "of": {
    "text": {"type": "text", "text": "text", "cache_control": "drop"},
    "refusal": {"type": "text", "refusal": "text"},
    "image_url": {"type": "text", "image_url": {"url": "data", "detail": "text"},
                  "cache_control": "drop"},
    "file": {"type": "text", "file": {"file_data": "data", "filename": "text"}}
  }},
  "tool": {"by": "type", "refuse": "tool_not_allowed", "others": "tool_dropped", "of": {
    "function": {"type": "text", "function": {"name": "text", "description": "text",
                 "parameters": "any", "strict": "value"}, "strict": "drop", "cache_control": "drop"},
    "custom": {"type": "text", "custom": {"name": "text", "description": "text", "format": "any"}}
  }},
  "choice": {"by": "type", "refuse": "tool_not_allowed", "others": "tool_dropped", "of": {
    "function": {"type": "text", "function": {"name": "text"}},
    "allowed_tools": {"type": "text", "allowed_tools": {"mode": "text", "tools": ["@choice"]}},
    "custom": {"type": "text", "custom": {"name": "text"}}
  }}
})json";

StopReason StopOf(const std::string& reason) {
  std::string end = Lower(reason);
  if (end == "stop" || end == "eos") return StopReason::kEnd;
  if (end == "length" || end == "max_tokens" || end == "model_length") return StopReason::kLength;
  if (end == "tool_calls" || end == "function_call") return StopReason::kTools;
  if (end == "content_filter" || end == "safety") return StopReason::kRefused;
  return StopReason::kOther;
}

// Arguments as text: some servers send the object itself.
std::string ArgumentsOf(const Json& function) {
  for (const char* key : {"arguments", "parameters", "input"}) {
    const Json* value = Member(function, key);
    if (value) return value->is_string() ? value->get<std::string>() : DumpJson(*value);
  }
  return {};
}

// Calls in their several shapes, whole or in pieces.
class Calls {
 public:
  // `whole`: each element of a list is a call of its own.
  void Add(const Json& list, bool whole) {
    if (list.is_object()) AddCall(list, whole);
    if (!list.is_array()) return;
    for (const Json& call : list) AddCall(call, whole);
  }

  void AddFunction(const Json& function) {
    Piece piece{{}, {"function_call", ForeignText(function, "name"), ArgumentsOf(function)}};
    Merge(std::move(piece), false);
  }

  std::vector<ToolCall> Finish() {
    std::vector<ToolCall> out;
    for (Piece& piece : calls_) out.push_back(std::move(piece.call));
    return out;
  }

 private:
  struct Piece {
    std::optional<std::int64_t> index;
    ToolCall call;
  };

  void AddCall(const Json& call, bool whole) {
    if (!call.is_object()) return;
    const Json* function = Member(call, "function");
    const Json& inner = function && function->is_object() ? *function : call;
    Piece piece{ForeignCount(call, "index"),
                {ForeignText(call, "id"), ForeignText(inner, "name"), ArgumentsOf(inner)}};
    Merge(std::move(piece), whole);
  }

  Piece* Continued(const Piece& piece) {
    for (Piece& known : calls_) {
      bool ids_differ =
          !piece.call.id.empty() && !known.call.id.empty() && piece.call.id != known.call.id;
      if (piece.index && known.index == piece.index && !ids_differ) return &known;
      if (!piece.index && !piece.call.id.empty() && piece.call.id == known.call.id) return &known;
    }
    bool nameless = !piece.index && piece.call.id.empty() && piece.call.name.empty();
    return nameless && !calls_.empty() ? &calls_.back() : nullptr;
  }

  void Merge(Piece piece, bool whole) {
    Piece* known = whole ? nullptr : Continued(piece);
    if (!known) {
      calls_.push_back(std::move(piece));
      return;
    }
    ToolCall& call = known->call;
    if (call.name != piece.call.name) call.name += piece.call.name;  // some repeat it
    if (call.id.empty()) call.id = piece.call.id;
    call.arguments += piece.call.arguments;
  }

  std::vector<Piece> calls_;
};

class ChatReader final : public AnswerReader {
 public:
  tl::expected<void, ModelFault> AddEvent(const Json& part) override {
    if (!part.is_object()) return {};
    if (auto fault = ReportedFault(part)) return tl::unexpected(std::move(*fault));
    const Json* choices = Member(part, "choices");
    if (!choices || !choices->is_array()) return {};
    for (const Json& choice : *choices) {
      if (choice.is_object() && ForeignCount(choice, "index").value_or(0) == 0) AddChoice(choice);
    }
    return {};
  }

  tl::expected<void, ModelFault> AddWhole(const Json& answer) override {
    return AddEvent(answer.is_array() && !answer.empty() ? answer.front() : answer);
  }

  [[nodiscard]] bool ended() const override { return !reply_.finish_reason.empty(); }
  [[nodiscard]] bool has_answer() const override { return has_choice_; }

  ChatReply Finish() override {
    reply_.calls = calls_.Finish();
    reply_.stop = StopOf(reply_.finish_reason);
    return std::move(reply_);
  }

 private:
  void AddChoice(const Json& choice) {
    has_choice_ = true;
    const Json* delta = Member(choice, "delta");
    const Json* message = Member(choice, "message");
    bool whole = !delta || !delta->is_object() || delta->empty();
    const Json* said = whole ? message : delta;
    if (said && said->is_object()) {
      reply_.content += TextOf(Member(*said, "content"));
      reply_.refusal += TextOf(Member(*said, "refusal"));
      for (const char* key : {"reasoning_content", "reasoning"}) {
        if (HasText(*said, key)) reply_.reasoning += ForeignText(*said, key);
      }
      if (const Json* calls = Member(*said, "tool_calls")) calls_.Add(*calls, whole);
      if (const Json* call = Member(*said, "function_call")) calls_.AddFunction(*call);
    } else if (!said) {
      reply_.content += TextOf(Member(choice, "text"));
    }
    std::string reason = ForeignText(choice, "finish_reason");
    if (!reason.empty()) reply_.finish_reason = reason;
  }

  ChatReply reply_;
  Calls calls_;
  bool has_choice_ = false;
};

Json CallsJson(const std::vector<ToolCall>& calls) {
  Json out = Json::array();
  for (const auto& call : calls) {
    Json entry = {{"type", "function"},
                  {"function", {{"name", call.name}, {"arguments", call.arguments}}}};
    if (!call.id.empty()) entry["id"] = call.id;
    out.push_back(std::move(entry));
  }
  return out;
}

Json PartJson(const ChatPart& part) {
  if (part.media_type.empty()) return {{"type", "text"}, {"text", part.text}};
  return {{"type", "image_url"}, {"image_url", {{"url", DataUrl(part)}}}};
}

void AddTurn(const ChatMessage& turn, Json& messages) {
  for (const auto& result : turn.results)
    messages.push_back(
        {{"role", "tool"}, {"tool_call_id", result.call_id}, {"content", result.text}});
  bool silent = turn.content.empty() && turn.parts.empty() && turn.calls.empty();
  if (silent && !turn.results.empty()) return;
  Json message = {{"role", turn.role}, {"content", turn.content}};
  if (!turn.parts.empty()) message["content"] = Json::array();
  for (const auto& part : turn.parts) message["content"].push_back(PartJson(part));
  if (!turn.calls.empty()) message["tool_calls"] = CallsJson(turn.calls);
  messages.push_back(std::move(message));
}

Json ToolsJson(const std::vector<ToolSpec>& tools) {
  Json out = Json::array();
  for (const auto& tool : tools) {
    Json function = {{"name", tool.name},
                     {"description", tool.description},
                     {"parameters", SchemaFrom(tool.parameters_json)}};
    out.push_back({{"type", "function"}, {"function", function}});
  }
  return out;
}

// OpenAI's Chat Completions, and what many servers speak that call themselves compatible with it.
class Chat final : public WireFormat {
 public:
  Chat() : WireFormat(Traits()) {}

  [[nodiscard]] std::string_view Allowlist() const override { return kFields; }

  [[nodiscard]] RequestFacts FactsOf(const Json& request) const override {
    RequestFacts out;
    out.model = JsonOr<std::string>(request, "model", "");
    out.stream = JsonOr(request, "stream", false);
    auto plain = WholeNumber(request, "max_tokens");
    auto full = WholeNumber(request, "max_completion_tokens");
    out.output_limit = plain && full ? std::max(plain, full) : (plain ? plain : full);
    out.answers = std::max<std::int64_t>(1, WholeNumber(request, "n").value_or(1));
    out.wants_usage = AsksForUsage(request);
    out.tool = FirstToolName(request, "tools", "function");
    return out;
  }

  [[nodiscard]] bool TellsUsageAlone(const Json& event) const override {
    return IsUsageChunk(event);
  }

  void Complete(Json& request, const Finish& finish, bool stream) const override {
    request["model"] = finish.upstream_name;
    if (finish.output_limit > 0) request[finish.output_limit_field] = finish.output_limit;
    if (stream) ReportUsageInStream(request);
  }

  void AddUsage(const Json& value, UsageSeen& seen) const override {
    AddOpenAiUsage(value, "prompt_tokens", "completion_tokens", "prompt_tokens_details", seen);
  }
  [[nodiscard]] bool Ends(const Json& event) const override {
    return AnyHasText(event, "choices", "finish_reason");
  }
  [[nodiscard]] bool MayTell(std::string_view data) const override {
    return HasAnyWord(data, {"\"usage", "error\""}) || HasFinishReason(data);
  }

  [[nodiscard]] bool converses() const override { return true; }

  [[nodiscard]] std::string Encode(const ChatRequest& request,
                                   const EncodeOptions& options) const override {
    Json messages = Json::array();
    for (const auto& turn : request.messages) AddTurn(turn, messages);
    Json body = {{"model", options.model},
                 {"messages", messages},
                 {"temperature", request.temperature},
                 {options.output_limit_field, request.max_tokens},
                 {"seed", request.seed},
                 {"stream", true},
                 {"stream_options", {{"include_usage", true}}}};
    if (!options.reasoning_effort.empty()) body["reasoning_effort"] = options.reasoning_effort;
    if (const ToolSpec* shape = AnswerShape(request, options, "response_format"))
      body["response_format"] = {{"type", "json_schema"},
                                 {"json_schema",
                                  {{"name", shape->name},
                                   {"strict", true},
                                   {"schema", ClosedSchema(shape->parameters_json)}}}};
    else
      AddTools(request, body);
    Omit(body, options.omit);
    if (!body.contains("stream")) body.erase("stream_options");
    if (!body.contains("tools")) body.erase("tool_choice");
    return DumpJson(body);
  }

  [[nodiscard]] std::unique_ptr<AnswerReader> MakeReader() const override {
    return std::make_unique<ChatReader>();
  }

  [[nodiscard]] std::string EncodeReply(const ChatReply& reply) const override {
    return DumpJson(ReplyJson(reply));
  }

  [[nodiscard]] std::string AnswerBody(const ChatReply& reply,
                                       const std::string& model) const override {
    Json out = ReplyJson(reply);
    AddFrame("chat.completion", model, out);
    return DumpJson(out);
  }

  [[nodiscard]] std::string AnswerEvents(const ChatReply& reply,
                                         const std::string& model) const override {
    Json whole = ReplyJson(reply);
    Json delta = whole["choices"][0]["message"];
    if (delta.contains("tool_calls")) {
      int index = 0;
      for (Json& call : delta["tool_calls"]) call["index"] = index++;
    }
    Json said = {{"index", 0}, {"delta", delta}, {"finish_reason", nullptr}};
    Json end = {{"index", 0}, {"delta", Json::object()}, {"finish_reason", reply.finish_reason}};
    std::string out = Chunk(model, Json::array({said})) + Chunk(model, Json::array({end}));
    if (whole.contains("usage")) out += Chunk(model, Json::array(), whole["usage"]);
    return out + "data: [DONE]\n\n";
  }

  [[nodiscard]] std::string StopWord(StopReason stop) const override {
    if (stop == StopReason::kLength) return "length";
    return stop == StopReason::kTools ? "tool_calls" : "stop";
  }

  void Pieces(Json& event, std::vector<std::pair<std::string, Json*>>& out) const override {
    auto choices = event.find("choices");
    if (choices == event.end() || !choices->is_array()) return;
    for (std::size_t i = 0; i < choices->size(); ++i) {
      Json& choice = (*choices)[i];
      if (!choice.is_object() || !choice.contains("delta")) continue;
      std::string place = std::to_string(ForeignCount(choice, "index").value_or(0));
      AddDeltaPieces(choice["delta"], place, out);
    }
  }

 private:
  static Json ReplyJson(const ChatReply& reply) {
    Json message = {{"role", "assistant"}, {"content", reply.content}};
    if (!reply.refusal.empty()) message["refusal"] = reply.refusal;
    if (!reply.reasoning.empty()) message["reasoning_content"] = reply.reasoning;
    if (!reply.calls.empty()) message["tool_calls"] = CallsJson(reply.calls);
    Json choice = {{"index", 0}, {"message", message}, {"finish_reason", reply.finish_reason}};
    Json out = {{"choices", Json::array({choice})}};
    if (reply.usage_known)
      out["usage"] = {{"prompt_tokens", reply.usage.prompt},
                      {"completion_tokens", reply.usage.completion}};
    return out;
  }

  static void AddFrame(const char* object, const std::string& model, Json& out) {
    out["id"] = "chatcmpl-podium";
    out["object"] = object;
    out["created"] = 0;
    out["model"] = model;
    if (out.contains("usage")) AddTotal(out["usage"]);
  }

  static void AddTotal(Json& usage) {
    usage["total_tokens"] =
        usage["prompt_tokens"].get<std::int64_t>() + usage["completion_tokens"].get<std::int64_t>();
  }

  static std::string Chunk(const std::string& model, Json choices, const Json& usage = nullptr) {
    Json out = {{"choices", std::move(choices)}};
    if (!usage.is_null()) out["usage"] = usage;
    AddFrame("chat.completion.chunk", model, out);
    return EventText("", out);
  }

  static WireTraits Traits() {
    WireTraits out = OpenAiTraits("chat", "/chat/completions");
    out.answers_by_schema = true;
    return out;
  }

  static void AddTools(const ChatRequest& request, Json& body) {
    if (!request.tools.empty()) body["tools"] = ToolsJson(request.tools);
    if (!request.forced_tool.empty())
      body["tool_choice"] = {{"type", "function"}, {"function", {{"name", request.forced_tool}}}};
  }

  static void AddDeltaPieces(Json& delta, const std::string& place,
                             std::vector<std::pair<std::string, Json*>>& out) {
    for (const char* key : {"content", "refusal", "reasoning_content", "reasoning"}) {
      if (HasText(delta, key)) out.emplace_back(place + "/" + key, &delta[key]);
    }
    if (!Member(delta, "tool_calls") || !delta["tool_calls"].is_array()) return;
    for (Json& call : delta["tool_calls"]) {
      const Json* function = Member(call, "function");
      if (!function || !HasText(*function, "arguments")) continue;
      std::string index = std::to_string(ForeignCount(call, "index").value_or(0));
      out.emplace_back(place + "/call/" + index, &call["function"]["arguments"]);
    }
  }
};

}  // namespace

const WireFormat& ChatFormat() {
  static const Chat format;
  return format;
}

}  // namespace podium::agents
