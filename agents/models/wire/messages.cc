#include <algorithm>
#include <map>

#include "agents/models/wire/foreign_json.h"
#include "agents/models/wire/wire_json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr std::string_view kFields = R"json({
  "root": {
    "model": "text", "messages": ["@message"], "system": {"?": ["text", ["@block"]]},
    "max_tokens": "positive", "temperature": "value", "top_p": "value", "top_k": "value",
    "stop_sequences": "values", "stream": "value", "tools": ["@tool"],
    "tool_choice": {"type": "auto|any|tool|none", "name": "text",
                    "disable_parallel_tool_use": "value"},
    "thinking": {"type": "text", "budget_tokens": "positive", "display": "text"},
    "output_config": {"effort": "text", "format": "any"}, "output_format": "any",
    "cache_control": "@cache", "context_management": {"edits": ["@edit"]},
    "background": "never", "metadata": "drop", "service_tier": "drop", "thread": "drop",
    "diagnostics": "drop",
    "mcp_servers": "drop-tool"
  },
  "message": {"role": "text", "content": {"?": ["text", ["@block"]]}},
  "cache": {"type": "ephemeral", "ttl": "5m", "scope": "drop"},
  "block": {"by": "type", "refuse": "input_not_allowed", "of": {
    "text": {"type": "text", "text": "text", "cache_control": "@cache", "citations": "any"},
    "image": {"type": "text", "source": "@source", "cache_control": "@cache"},
    "document": {"type": "text", "source": "@source", "title": "text", "context": "text",
                 "citations": {"enabled": "value"}, "cache_control": "@cache"},
    "tool_use": {"type": "text", "id": "text", "name": "text", "input": "any",
                 "cache_control": "@cache"},
    "tool_result": {"type": "text", "tool_use_id": "text", "is_error": "value",
                    "content": {"?": ["text", ["@block"]]}, "cache_control": "@cache"},
    "thinking": {"type": "text", "thinking": "text", "signature": "text"},
    "redacted_thinking": {"type": "text", "data": "text"}
  }},
  "source": {"by": "type", "refuse": "input_not_allowed", "of": {
    "base64": {"type": "text", "media_type": "text", "data": "text"},
    "text": {"type": "text", "media_type": "text", "data": "text"},
    "content": {"type": "text", "content": {"?": ["text", ["@block"]]}}
  }},
  "edit": {"by": "type", "others": "field_dropped", "of": {
    "clear_tool_uses_20250919": {"type": "text", "trigger": "any", "keep": "any",
                                 "clear_at_least": "any", "exclude_tools": "values",
                                 "clear_tool_inputs": "any"},
    "clear_thinking_20251015": {"type": "text", "keep": "any"}
  }},
  "own": {"type": "text", "name": "text", "max_characters": "value", "cache_control": "@cache"},
  "tool": {"by": "type", "else": "custom", "refuse": "tool_not_allowed", "others": "tool_dropped", "of": {
    "bash_20241022": "@own", "bash_20250124": "@own",
    "text_editor_20241022": "@own", "text_editor_20250124": "@own", "text_editor_20250429": "@own",
    "text_editor_20250728": "@own", "memory_20250818": "@own",
    "custom": {"type": "text", "name": "text", "description": "text", "input_schema": "any",
               "cache_control": "@cache", "strict": "value", "input_examples": "any",
               "defer_loading": "drop", "eager_input_streaming": "drop"}
  }}
})json";

// Betas that neither act for the agent nor change a price.
constexpr std::string_view kBetas[] = {"prompt-caching-2024-07-31",
                                       "interleaved-thinking-2025-05-14",
                                       "fine-grained-tool-streaming-2025-05-14",
                                       "token-efficient-tools-2025-02-19",
                                       "output-128k-2025-02-19",
                                       "structured-outputs-2025-11-13",
                                       "structured-outputs-2025-12-15",
                                       "context-management-2025-06-27",
                                       "claude-code-20250219",
                                       "effort-2025-11-24",
                                       "thinking-token-count-2026-05-13",
                                       "mid-conversation-system-2026-04-07"};

std::string_view ValueOf(const HeaderList& headers, std::string_view name) {
  auto found = std::ranges::find(headers, name, &HeaderList::value_type::first);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::string Version(std::string_view asked) {
  bool plain = asked.size() == 10 && asked.find_first_not_of("0123456789-") == std::string::npos;
  return plain ? std::string(asked) : "2023-06-01";
}

std::string KnownBetas(std::string_view asked, std::vector<std::string>& dropped) {
  std::vector<std::string> kept;
  for (auto part : Split(asked, ',')) {
    part = Trim(part);
    if (part.empty()) continue;
    bool known = std::ranges::find(kBetas, part) != std::end(kBetas);
    (known ? kept : dropped).emplace_back(part.substr(0, 100));
  }
  return Join(kept, ",");
}

// Parts of a stream: the first has the prompt, later ones the output so far.
void AddUsageOf(const Json& part, UsageSeen& seen) {
  const Json* usage = Member(part, "usage");
  if (!usage || !usage->is_object()) return;
  seen.broken = false;  // a later report stands for the earlier
  if (auto input = UsageCount(*usage, "input_tokens", seen)) {
    seen.cached = UsageCount(*usage, "cache_read_input_tokens", seen).value_or(0);
    seen.cache_write = UsageCount(*usage, "cache_creation_input_tokens", seen).value_or(0);
    seen.input = *input + seen.cached + seen.cache_write;
  }
  if (auto output = UsageCount(*usage, "output_tokens", seen))
    seen.output = std::max(seen.output.value_or(0), *output);
}

StopReason StopOf(const std::string& reason) {
  if (reason == "end_turn" || reason == "stop_sequence") return StopReason::kEnd;
  if (reason == "max_tokens" || reason == "model_context_window_exceeded")
    return StopReason::kLength;
  if (reason == "tool_use") return StopReason::kTools;
  return reason == "refusal" ? StopReason::kRefused : StopReason::kOther;
}

// Content is a list of blocks; a stream begins each, adds to it and ends it.
class MessagesReader final : public AnswerReader {
 public:
  tl::expected<void, ModelFault> AddEvent(const Json& event) override {
    if (auto fault = ReportedFault(event)) return tl::unexpected(std::move(*fault));
    std::string type = ForeignText(event, "type");
    std::int64_t index = ForeignCount(event, "index").value_or(0);
    if (type == "message_start") begun_ = true;
    if (const Json* block = Member(event, "content_block"); block && type == "content_block_start")
      Begin(index, *block);
    const Json* delta = Member(event, "delta");
    if (delta && type == "content_block_delta") Continue(blocks_[index], *delta);
    if (delta && type == "message_delta") Stop(*delta);
    ended_ = ended_ || type == "message_stop";
    return {};
  }

  tl::expected<void, ModelFault> AddWhole(const Json& answer) override {
    if (auto fault = ReportedFault(answer)) return tl::unexpected(std::move(*fault));
    const Json* content = Member(answer, "content");
    begun_ = content && content->is_array();
    if (!begun_) return {};
    for (std::size_t i = 0; i < content->size(); ++i)
      Begin(static_cast<std::int64_t>(i), (*content)[i]);
    Stop(answer);
    return {};
  }

  [[nodiscard]] bool ended() const override { return ended_ || !reason_.empty(); }
  [[nodiscard]] bool has_answer() const override { return begun_; }

  ChatReply Finish() override {
    ChatReply out;
    out.finish_reason = reason_;
    out.stop = StopOf(reason_);
    Json thoughts = Json::array();
    for (auto& [index, block] : blocks_) {
      out.content += block.text;
      out.reasoning += block.thought;
      if (!block.echo.is_null()) thoughts.push_back(std::move(block.echo));
      if (!block.is_call) continue;
      if (block.call.arguments.empty()) block.call.arguments = block.begun_with;
      out.calls.push_back(std::move(block.call));
    }
    if (!thoughts.empty()) out.echo = DumpJson(thoughts);
    if (out.stop == StopReason::kRefused) out.refusal = out.content;
    return out;
  }

 private:
  struct Block {
    std::string text;
    bool is_call = false;
    ToolCall call;
    std::string begun_with;  // arguments as the block's beginning had them
    std::string thought, signature;
    Json echo;  // of thoughts: the block as it goes back
  };

  void Begin(std::int64_t index, const Json& block) {
    Block& out = blocks_[index];
    std::string type = ForeignText(block, "type");
    if (type == "text") out.text = ForeignText(block, "text");
    if (type == "thinking" || type == "redacted_thinking") BeginThought(block, out);
    if (type != "tool_use") return;
    out.is_call = true;
    out.call.id = ForeignText(block, "id");
    out.call.name = ForeignText(block, "name");
    const Json* input = Member(block, "input");
    out.begun_with = input ? DumpJson(*input) : "{}";
  }

  static void Continue(Block& block, const Json& delta) {
    std::string type = ForeignText(delta, "type");
    if (type == "text_delta") block.text += ForeignText(delta, "text");
    if (type == "input_json_delta") block.call.arguments += ForeignText(delta, "partial_json");
    if (type == "thinking_delta") block.thought += ForeignText(delta, "thinking");
    if (type == "signature_delta") block.signature += ForeignText(delta, "signature");
    if (block.echo.is_object() && block.echo["type"] == "thinking") EndThought(block);
  }

  // What was thought goes back unchanged, with its signature.
  static void BeginThought(const Json& block, Block& out) {
    out.echo = block;
    out.thought = ForeignText(block, "thinking");
    out.signature = ForeignText(block, "signature");
  }
  static void EndThought(Block& block) {
    block.echo["thinking"] = block.thought;
    block.echo["signature"] = block.signature;
  }

  void Stop(const Json& part) {
    std::string reason = ForeignText(part, "stop_reason");
    if (!reason.empty()) reason_ = reason;
  }

  std::map<std::int64_t, Block> blocks_;
  std::string reason_;
  bool begun_ = false;
  bool ended_ = false;
};

// Tokens of thought that an effort stands for: this provider takes a number, of at least 1024.
std::int64_t ThinkingBudget(const std::string& effort) {
  if (effort == "minimal" || effort == "low") return 1024;
  if (effort == "medium") return 4096;
  if (effort == "high") return 16384;
  if (effort == "xhigh" || effort == "max") return 32768;
  return 0;
}

Json PartJson(const ChatPart& part) {
  if (part.media_type.empty()) return {{"type", "text"}, {"text", part.text}};
  Json source = {{"type", "base64"}, {"media_type", part.media_type}, {"data", part.data}};
  return {{"type", "image"}, {"source", source}};
}

Json BlocksOf(const ChatMessage& turn) {
  Json out = Json::array();
  if (auto echo = ParseJson(turn.echo, "thoughts"); echo && echo->is_array()) out = *echo;
  for (const auto& result : turn.results) {
    Json block = {
        {"type", "tool_result"}, {"tool_use_id", result.call_id}, {"content", result.text}};
    if (result.failed) block["is_error"] = true;
    out.push_back(std::move(block));
  }
  if (!turn.content.empty()) out.push_back({{"type", "text"}, {"text", turn.content}});
  for (const auto& part : turn.parts) out.push_back(PartJson(part));
  for (const auto& call : turn.calls)
    out.push_back({{"type", "tool_use"},
                   {"id", call.id},
                   {"name", call.name},
                   {"input", ObjectFrom(call.arguments)}});
  return out;
}

// Anthropic's Messages.
class Messages final : public WireFormat {
 public:
  Messages() : WireFormat(Traits()) {}

  [[nodiscard]] std::string_view Allowlist() const override { return kFields; }

  void AddHeaders(const HeaderList& asked, std::vector<std::string>& out,
                  std::vector<std::string>& dropped) const override {
    out.push_back("anthropic-version: " + Version(ValueOf(asked, "anthropic-version")));
    std::string betas = KnownBetas(ValueOf(asked, "anthropic-beta"), dropped);
    if (!betas.empty()) out.push_back("anthropic-beta: " + betas);
  }

  [[nodiscard]] RequestFacts FactsOf(const Json& request) const override {
    RequestFacts out;
    out.model = JsonOr<std::string>(request, "model", "");
    out.stream = JsonOr(request, "stream", false);
    out.output_limit = WholeNumber(request, "max_tokens");
    out.tool = FirstToolName(request, "tools", nullptr);
    return out;
  }

  void Complete(Json& request, const Finish& finish, bool) const override {
    request["model"] = finish.upstream_name;
    if (finish.output_limit > 0) request["max_tokens"] = finish.output_limit;
  }

  void AddUsage(const Json& value, UsageSeen& seen) const override {
    AddUsageOf(value, seen);
    if (const Json* message = Member(value, "message")) AddUsageOf(*message, seen);
  }
  [[nodiscard]] bool Ends(const Json& event) const override {
    return JsonOr<std::string>(event, "type", "") == "message_stop";
  }
  [[nodiscard]] bool MayTell(std::string_view data) const override {
    return HasAnyWord(data, {"\"usage", "error\"", "message_stop"});
  }

  [[nodiscard]] std::string ErrorBody(int status, std::string_view code,
                                      std::string_view message) const override {
    Json error = {{"message", message}, {"code", code}, {"type", ErrorType(status)}};
    return DumpJson(Json{{"type", "error"}, {"error", error}, {"request_id", nullptr}});
  }
  [[nodiscard]] std::string ErrorEvent(int status, std::string_view code,
                                       std::string_view message) const override {
    return "event: error\n" + WireFormat::ErrorEvent(status, code, message);
  }

  [[nodiscard]] bool converses() const override { return true; }

  [[nodiscard]] std::string Encode(const ChatRequest& request,
                                   const EncodeOptions& options) const override {
    Json body = {{"model", options.model},
                 {"messages", Json::array()},
                 {"temperature", std::min(request.temperature, 1.0)},  // the most it takes
                 {"max_tokens", request.max_tokens},
                 {"stream", true}};
    std::vector<std::string> system;
    for (const auto& turn : request.messages) {
      if (turn.role == "system") {
        system.push_back(turn.content);
        continue;
      }
      bool plain = turn.calls.empty() && turn.results.empty() && turn.parts.empty();
      Json content = plain ? Json(turn.content) : BlocksOf(turn);
      body["messages"].push_back({{"role", turn.role}, {"content", std::move(content)}});
    }
    if (!system.empty()) body["system"] = Join(system, "\n\n");
    for (const auto& tool : request.tools)
      body["tools"].push_back({{"name", tool.name},
                               {"description", tool.description},
                               {"input_schema", SchemaFrom(tool.parameters_json)}});
    if (!request.forced_tool.empty())
      body["tool_choice"] = {{"type", "tool"}, {"name", request.forced_tool}};
    if (!options.omit.contains("reasoning_effort")) AddThinking(request, options, body);
    Omit(body, options.omit);
    if (!body.contains("tools")) body.erase("tool_choice");
    return DumpJson(body);
  }

  [[nodiscard]] std::unique_ptr<AnswerReader> MakeReader() const override {
    return std::make_unique<MessagesReader>();
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
    begun["content"] = Json::array();
    begun["stop_reason"] = nullptr;
    std::string out = TypedEvent({{"type", "message_start"}, {"message", begun}});
    std::size_t calls = 0;
    for (std::size_t i = 0; i < whole["content"].size(); ++i) {
      const Json& block = whole["content"][i];
      bool call = block["type"] == "tool_use";
      out += BlockEvents(i, block, call ? reply.calls[calls++].arguments : "");
    }
    Json end = {{"stop_reason", whole["stop_reason"]}, {"stop_sequence", nullptr}};
    Json last = {{"type", "message_delta"}, {"delta", end}};
    last["usage"] = {{"output_tokens", reply.usage.completion}};
    return out + TypedEvent(last) + TypedEvent({{"type", "message_stop"}});
  }

  [[nodiscard]] std::string StopWord(StopReason stop) const override {
    if (stop == StopReason::kLength) return "max_tokens";
    return stop == StopReason::kTools ? "tool_use" : "end_turn";
  }

  void Pieces(Json& event, std::vector<std::pair<std::string, Json*>>& out) const override {
    if (!Member(event, "delta")) return;
    std::string place = std::to_string(ForeignCount(event, "index").value_or(0));
    for (const char* key : {"text", "partial_json", "thinking"}) {
      if (HasText(event["delta"], key)) out.emplace_back(place + "/" + key, &event["delta"][key]);
    }
  }

 private:
  static std::string TypedEvent(const Json& event) {
    return EventText(event["type"].get<std::string>(), event);
  }

  // A block with all that it holds in one piece; `arguments` of a call, whatever they are.
  static std::string BlockEvents(std::size_t index, Json block, const std::string& arguments) {
    Json delta;
    if (block["type"] == "text") {
      delta = {{"type", "text_delta"}, {"text", block["text"]}};
      block["text"] = "";
    } else if (block["type"] == "tool_use") {
      delta = {{"type", "input_json_delta"}, {"partial_json", arguments}};
      block["input"] = Json::object();
    }
    std::string out =
        TypedEvent({{"type", "content_block_start"}, {"index", index}, {"content_block", block}});
    if (!delta.is_null())
      out += TypedEvent({{"type", "content_block_delta"}, {"index", index}, {"delta", delta}});
    return out + TypedEvent({{"type", "content_block_stop"}, {"index", index}});
  }

  // A client looks for the usage whether it is known or not.
  static void AddFrame(const std::string& model, Json& out) {
    out["id"] = "msg_podium";
    out["model"] = model;
    out["stop_sequence"] = nullptr;
    if (!out.contains("usage")) out["usage"] = {{"input_tokens", 0}, {"output_tokens", 0}};
  }

  static Json ReplyJson(const ChatReply& reply) {
    ChatMessage turn{"assistant", reply.content, reply.calls, {}};
    turn.echo = reply.echo;
    Json out = {{"type", "message"},
                {"role", "assistant"},
                {"content", BlocksOf(turn)},
                {"stop_reason", reply.finish_reason}};
    if (reply.usage_known)
      out["usage"] = {{"input_tokens", reply.usage.prompt},
                      {"output_tokens", reply.usage.completion}};
    return out;
  }

  // Thinking comes on top of the answer's limit, takes no temperature, and no tool can be forced
  // beside it.
  static void AddThinking(const ChatRequest& request, const EncodeOptions& options, Json& body) {
    std::int64_t budget = ThinkingBudget(options.reasoning_effort);
    if (budget == 0 || !request.forced_tool.empty()) return;
    body["thinking"] = {{"type", "enabled"}, {"budget_tokens", budget}};
    body["max_tokens"] = request.max_tokens + budget;
    body.erase("temperature");
  }

  static WireTraits Traits() {
    WireTraits out;
    out.name = "messages";
    out.path = "/v1/messages";
    out.upstream = "/messages";
    out.key_header = "x-api-key";
    return out;
  }
};

}  // namespace

const WireFormat& MessagesFormat() {
  static const Messages format;
  return format;
}

}  // namespace podium::agents
