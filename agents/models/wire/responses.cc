#include "agents/models/wire/foreign_json.h"
#include "agents/models/wire/wire_json.h"

namespace podium::agents {
namespace {

constexpr std::string_view kFields = R"json({
  "root": {
    "model": "text", "input": {"?": ["text", ["@item"]]}, "instructions": "text",
    "stream": "value", "stream_options": {"include_obfuscation": "value"},
    "tools": ["@tool"], "tool_choice": {"?": ["text", "@choice"]}, "parallel_tool_calls": "value",
    "max_output_tokens": "positive", "max_tool_calls": "value", "temperature": "value",
    "top_p": "value", "top_logprobs": "value", "truncation": "text",
    "reasoning": {"effort": "text", "summary": "text", "generate_summary": "text"},
    "text": {"format": "any", "verbosity": "text"},
    "include": ["reasoning.encrypted_content|message.output_text.logprobs"],
    "store": "false", "background": "never", "metadata": "drop", "user": "drop",
    "service_tier": "drop", "prompt_cache_key": "drop", "prompt_cache_retention": "drop",
    "safety_identifier": "drop", "client_metadata": "drop", "context_management": "drop"
  },
  "item": {"by": "type", "else": "message", "whole": ["role", "content"], "refuse": "input_not_allowed", "of": {
    "message": {"type": "text", "internal_chat_message_metadata_passthrough": "drop",
                "role": "text", "content": {"?": ["text", ["@part"]]},
                "id": "text", "status": "text", "phase": "text"},
    "function_call": {"type": "text", "internal_chat_message_metadata_passthrough": "drop",
                "id": "text", "call_id": "text", "name": "text",
                      "arguments": "text", "status": "text"},
    "function_call_output": {"type": "text", "internal_chat_message_metadata_passthrough": "drop",
                "id": "text", "call_id": "text", "status": "text",
                             "output": {"?": ["text", ["@part"]]}},
    "custom_tool_call": {"type": "text", "internal_chat_message_metadata_passthrough": "drop",
                "id": "text", "call_id": "text", "name": "text",
                         "input": "text", "status": "text"},
    "custom_tool_call_output": {"type": "text", "internal_chat_message_metadata_passthrough": "drop",
                "id": "text", "call_id": "text",
                                "status": "text", "output": {"?": ["text", ["@part"]]}},
    "local_shell_call": {"type": "text", "internal_chat_message_metadata_passthrough": "drop",
                "id": "text", "call_id": "text", "action": "any",
                         "status": "text"},
    "local_shell_call_output": {"type": "text", "internal_chat_message_metadata_passthrough": "drop",
                "id": "text", "call_id": "text", "output": "text",
                                "status": "text"},
    "apply_patch_call": {"type": "text", "id": "text", "call_id": "text", "operation": "any",
                         "status": "text"},
    "apply_patch_call_output": {"type": "text", "id": "text", "call_id": "text", "output": "text",
                                "status": "text"},
    "reasoning": {"type": "text", "internal_chat_message_metadata_passthrough": "drop",
                "id": "text", "summary": ["@part"], "content": ["@part"],
                  "encrypted_content": "text", "status": "text"}
  }},
  "part": {"by": "type", "refuse": "input_not_allowed", "of": {
    "input_text": {"type": "text", "text": "text"},
    "output_text": {"type": "text", "text": "text", "annotations": [], "logprobs": []},
    "summary_text": {"type": "text", "text": "text"},
    "reasoning_text": {"type": "text", "text": "text"},
    "refusal": {"type": "text", "refusal": "text"},
    "input_image": {"type": "text", "image_url": "data", "detail": "text"},
    "input_file": {"type": "text", "file_data": "data", "filename": "text"}
  }},
  "tool": {"by": "type", "refuse": "tool_not_allowed", "others": "tool_dropped", "of": {
    "local_shell": {"type": "text"}, "apply_patch": {"type": "text"},
    "namespace": {"needs": "tools", "type": "text", "name": "text", "description": "text", "tools": ["@tool"]},
    "function": {"type": "text", "name": "text", "description": "text", "parameters": "any",
                 "strict": "value"},
    "custom": {"type": "text", "name": "text", "description": "text", "format": "any"}
  }},
  "choice": {"by": "type", "refuse": "tool_not_allowed", "others": "tool_dropped", "of": {
    "allowed_tools": {"type": "text", "mode": "text", "tools": ["@choice"]},
    "local_shell": {"type": "text"}, "apply_patch": {"type": "text"},
    "function": {"type": "text", "name": "text"},
    "custom": {"type": "text", "name": "text"}
  }}
})json";

Json PartJson(const ChatPart& part) {
  if (part.media_type.empty()) return {{"type", "input_text"}, {"text", part.text}};
  return {{"type", "input_image"}, {"image_url", DataUrl(part)}};
}

Json PartsOf(const ChatMessage& turn) {
  Json content = turn.content;
  if (!turn.parts.empty()) content = Json::array();
  for (const auto& part : turn.parts) content.push_back(PartJson(part));
  return {{"role", turn.role}, {"content", content}};
}

// A turn as items: results, text, calls.
void AddItems(const ChatMessage& turn, Json& items) {
  for (const auto& result : turn.results)
    items.push_back(
        {{"type", "function_call_output"}, {"call_id", result.call_id}, {"output", result.text}});
  if (!turn.content.empty() || !turn.parts.empty()) items.push_back(PartsOf(turn));
  for (const auto& call : turn.calls)
    items.push_back({{"type", "function_call"},
                     {"call_id", call.id},
                     {"name", call.name},
                     {"arguments", call.arguments}});
}

StopReason StopOf(const std::string& status, const std::string& why, bool calls) {
  if (why == "max_output_tokens") return StopReason::kLength;
  if (why == "content_filter") return StopReason::kRefused;
  if (status == "completed") return calls ? StopReason::kTools : StopReason::kEnd;
  return StopReason::kOther;
}

// The last event of a stream holds the whole answer; what came before is used where it does not.
class ResponsesReader final : public AnswerReader {
 public:
  tl::expected<void, ModelFault> AddEvent(const Json& event) override {
    if (auto fault = ReportedFault(event)) return tl::unexpected(std::move(*fault));
    std::string type = ForeignText(event, "type");
    const Json* response = Member(event, "response");
    if (type == "response.failed")
      return tl::unexpected(JudgeError(200, DumpJson(response ? *response : event)));
    if (type == "response.output_text.delta") streamed_.content += ForeignText(event, "delta");
    if (type == "response.refusal.delta") streamed_.refusal += ForeignText(event, "delta");
    if (type == "response.reasoning_summary_text.delta" || type == "response.reasoning_text.delta")
      streamed_.reasoning += ForeignText(event, "delta");
    if (type == "response.output_item.done" && Member(event, "item")) AddItem(event["item"], true);
    bool last = type == "response.completed" || type == "response.incomplete";
    if (!last || !response) return {};
    return AddWhole(*response);
  }

  tl::expected<void, ModelFault> AddWhole(const Json& answer) override {
    if (auto fault = ReportedFault(answer)) return tl::unexpected(std::move(*fault));
    if (ForeignText(answer, "status") == "failed")
      return tl::unexpected(JudgeError(200, DumpJson(answer)));
    const Json* output = Member(answer, "output");
    std::string status = ForeignText(answer, "status");
    if (!output && status.empty()) return {};
    ended_ = true;
    const Json* details = Member(answer, "incomplete_details");
    std::string why = details ? ForeignText(*details, "reason") : std::string();
    if (output && output->is_array()) {
      for (const Json& item : *output) AddItem(item, false);
    }
    status_ = status.empty() ? "completed" : status;
    why_ = why;
    return {};
  }

  [[nodiscard]] bool ended() const override { return ended_; }
  [[nodiscard]] bool has_answer() const override { return ended_; }

  ChatReply Finish() override {
    if (whole_.reasoning.empty()) whole_.reasoning = streamed_.reasoning;
    ChatReply out = whole_items_ ? std::move(whole_) : std::move(streamed_);
    out.finish_reason = why_.empty() ? status_ : why_;
    out.stop = StopOf(status_, why_, !out.calls.empty());
    return out;
  }

 private:
  void AddItem(const Json& item, bool streamed) {
    ChatReply& reply = streamed ? streamed_ : whole_;
    whole_items_ = whole_items_ || !streamed;
    std::string type = ForeignText(item, "type");
    if (type == "function_call")
      reply.calls.push_back({ForeignText(item, "call_id"), ForeignText(item, "name"),
                             ForeignText(item, "arguments")});
    const Json* content = Member(item, "content");
    if (type == "reasoning" && !streamed) AddReasoning(item);
    if (streamed || type != "message" || !content || !content->is_array()) return;
    for (const Json& part : *content) {
      reply.content += TextOf(&part);
      reply.refusal += ForeignText(part, "refusal");
    }
  }

  void AddReasoning(const Json& item) {
    for (const char* list : {"summary", "content"}) {
      const Json* parts = Member(item, list);
      if (!parts || !parts->is_array()) continue;
      for (const Json& part : *parts) whole_.reasoning += ForeignText(part, "text");
    }
  }

  ChatReply streamed_, whole_;
  std::string status_, why_;
  bool whole_items_ = false;
  bool ended_ = false;
};

// OpenAI's Responses, without what the provider would keep.
class Responses final : public WireFormat {
 public:
  Responses() : WireFormat(Traits()) {}

  [[nodiscard]] std::string_view Allowlist() const override { return kFields; }

  [[nodiscard]] RequestFacts FactsOf(const Json& request) const override {
    RequestFacts out;
    out.model = JsonOr<std::string>(request, "model", "");
    out.stream = JsonOr(request, "stream", false);
    out.output_limit = WholeNumber(request, "max_output_tokens");
    out.tool = FirstToolName(request, "tools", nullptr);
    return out;
  }

  void Complete(Json& request, const Finish& finish, bool) const override {
    request["model"] = finish.upstream_name;
    if (finish.output_limit > 0) request["max_output_tokens"] = finish.output_limit;
    request["store"] = false;
  }

  void AddUsage(const Json& value, UsageSeen& seen) const override {
    for (const Json* part : {&value, Member(value, "response")}) {
      if (part)
        AddOpenAiUsage(*part, "input_tokens", "output_tokens", "input_tokens_details", seen);
    }
  }
  [[nodiscard]] bool Ends(const Json& event) const override {
    std::string type = JsonOr<std::string>(event, "type", "");
    return type == "response.completed" || type == "response.incomplete" ||
           type == "response.failed";
  }
  [[nodiscard]] bool Failed(const Json& value) const override {
    return WireFormat::Failed(value) || ForeignText(value, "type") == "response.failed";
  }
  [[nodiscard]] bool MayTell(std::string_view data) const override {
    return HasAnyWord(data, {"\"usage", "error\"", "response.completed", "response.incomplete",
                             "response.failed"});
  }

  [[nodiscard]] bool converses() const override { return true; }

  [[nodiscard]] std::string Encode(const ChatRequest& request,
                                   const EncodeOptions& options) const override {
    Json items = Json::array();
    for (const auto& turn : request.messages) AddItems(turn, items);
    Json body = {{"model", options.model},
                 {"input", items},
                 {"temperature", request.temperature},
                 {"max_output_tokens", request.max_tokens},
                 {"stream", true},
                 {"store", false}};
    if (!options.reasoning_effort.empty())
      body["reasoning"] = {{"effort", options.reasoning_effort}};
    if (const ToolSpec* shape = AnswerShape(request, options, "response_format"))
      body["text"] = {{"format",
                       {{"type", "json_schema"},
                        {"name", shape->name},
                        {"strict", true},
                        {"schema", ClosedSchema(shape->parameters_json)}}}};
    else
      AddTools(request, body);
    Omit(body, options.omit);
    if (options.omit.contains("reasoning_effort")) body.erase("reasoning");
    if (options.omit.contains("max_tokens")) body.erase("max_output_tokens");
    if (!body.contains("tools")) body.erase("tool_choice");
    return DumpJson(body);
  }

  [[nodiscard]] std::unique_ptr<AnswerReader> MakeReader() const override {
    return std::make_unique<ResponsesReader>();
  }

  [[nodiscard]] std::string EncodeReply(const ChatReply& reply) const override {
    return DumpJson(ReplyJson(reply));
  }

  [[nodiscard]] std::string AnswerBody(const ChatReply& reply,
                                       const std::string& model) const override {
    Json out = ReplyJson(reply);
    AddFrame(model, out);
    return DumpJson(out);
  }

  [[nodiscard]] std::string AnswerEvents(const ChatReply& reply,
                                         const std::string& model) const override {
    Json whole = ReplyJson(reply);
    AddFrame(model, whole);
    Json begun = whole;
    begun["output"] = Json::array();
    begun["status"] = "in_progress";
    std::string out = TypedEvent({{"type", "response.created"}, {"response", begun}});
    for (std::size_t i = 0; i < whole["output"].size(); ++i)
      out += ItemEvents(i, whole["output"][i]);
    std::string end = "response." + whole["status"].get<std::string>();
    return out + TypedEvent({{"type", end}, {"response", whole}});
  }

  [[nodiscard]] std::string ErrorEvent(int status, std::string_view code,
                                       std::string_view message) const override {
    auto error = ParseJson(ErrorBody(status, code, message), "an error");
    Json failed = {{"status", "failed"}, {"error", error ? (*error)["error"] : Json()}};
    return TypedEvent({{"type", "response.failed"}, {"response", failed}});
  }

  [[nodiscard]] std::string StopWord(StopReason stop) const override {
    return stop == StopReason::kLength ? "max_output_tokens" : "completed";
  }

  // The events that repeat what the deltas said whole are no pieces: a key in them lies in one
  // text.
  void Pieces(Json& event, std::vector<std::pair<std::string, Json*>>& out) const override {
    std::string type = ForeignText(event, "type");
    if (!type.ends_with(".delta") || !HasText(event, "delta")) return;
    out.emplace_back(type + "/" + ForeignText(event, "item_id") + "/" +
                         ForeignText(event, "output_index") + "/" +
                         ForeignText(event, "content_index"),
                     &event["delta"]);
  }

 private:
  static std::string TypedEvent(const Json& event) {
    return EventText(event["type"].get<std::string>(), event);
  }

  // An item with all that it holds in one piece.
  static std::string ItemEvents(std::size_t index, const Json& item) {
    Json begun = item;
    if (begun.contains("content")) begun["content"] = Json::array();
    if (begun.contains("arguments")) begun["arguments"] = "";
    std::string out = TypedEvent(
        {{"type", "response.output_item.added"}, {"output_index", index}, {"item", begun}});
    for (std::size_t i = 0; item.contains("content") && i < item["content"].size(); ++i)
      out += PartEvents({{"item_id", item["id"]}, {"output_index", index}, {"content_index", i}},
                        item["content"][i]);
    if (item.contains("arguments"))
      out += TypedEvent({{"type", "response.function_call_arguments.delta"},
                         {"item_id", item["id"]},
                         {"output_index", index},
                         {"delta", item["arguments"]}});
    return out +
           TypedEvent(
               {{"type", "response.output_item.done"}, {"output_index", index}, {"item", item}});
  }

  static std::string PartEvents(const Json& place, const Json& part) {
    std::string key = part["type"] == "refusal" ? "refusal" : "text";
    auto event = [&place](std::string type, const char* name, const Json& value) {
      Json out = place;
      out["type"] = std::move(type);
      out[name] = value;
      return TypedEvent(out);
    };
    Json begun = part;
    begun[key] = "";
    std::string kind = "response." + part["type"].get<std::string>();
    return event("response.content_part.added", "part", begun) +
           event(kind + ".delta", "delta", part[key]) +
           event(kind + ".done", key.c_str(), part[key]) +
           event("response.content_part.done", "part", part);
  }

  static void AddFrame(const std::string& model, Json& out) {
    out["id"] = "resp_podium";
    out["object"] = "response";
    out["created_at"] = 0;
    out["model"] = model;
    int number = 0;
    for (Json& item : out["output"]) {
      item["id"] = "item_" + std::to_string(number++);
      item["status"] = "completed";
      if (item["type"] != "message") continue;
      item["role"] = "assistant";
      for (Json& part : item["content"]) {
        if (part["type"] == "output_text") part["annotations"] = Json::array();
      }
    }
    if (out.contains("usage"))
      out["usage"]["total_tokens"] = out["usage"]["input_tokens"].get<std::int64_t>() +
                                     out["usage"]["output_tokens"].get<std::int64_t>();
  }

  static Json ReplyJson(const ChatReply& reply) {
    Json content = Json::array();
    Json thought = {{"type", "summary_text"}, {"text", reply.reasoning}};
    if (!reply.content.empty())
      content.push_back({{"type", "output_text"}, {"text", reply.content}});
    if (!reply.refusal.empty())
      content.push_back({{"type", "refusal"}, {"refusal", reply.refusal}});
    Json output = Json::array({{{"type", "message"}, {"content", content}}});
    if (!reply.reasoning.empty())
      output.push_back({{"type", "reasoning"}, {"summary", Json::array({thought})}});
    for (const auto& call : reply.calls)
      output.push_back({{"type", "function_call"},
                        {"call_id", call.id},
                        {"name", call.name},
                        {"arguments", call.arguments}});
    Json out = {{"output", output}, {"status", "completed"}};
    if (reply.stop == StopReason::kLength || reply.stop == StopReason::kRefused) {
      out["status"] = "incomplete";
      out["incomplete_details"] = {{"reason", reply.finish_reason}};
    }
    if (reply.usage_known)
      out["usage"] = {{"input_tokens", reply.usage.prompt},
                      {"output_tokens", reply.usage.completion}};
    return out;
  }

  static WireTraits Traits() {
    WireTraits out = OpenAiTraits("responses", "/responses");
    out.answers_by_schema = true;
    return out;
  }

  static void AddTools(const ChatRequest& request, Json& body) {
    for (const auto& tool : request.tools)
      body["tools"].push_back({{"type", "function"},
                               {"name", tool.name},
                               {"description", tool.description},
                               {"parameters", SchemaFrom(tool.parameters_json)},
                               {"strict", false}});
    if (!request.forced_tool.empty())
      body["tool_choice"] = {{"type", "function"}, {"name", request.forced_tool}};
  }
};

}  // namespace

const WireFormat& ResponsesFormat() {
  static const Responses format;
  return format;
}

}  // namespace podium::agents
