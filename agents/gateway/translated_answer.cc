#include "agents/gateway/translated_answer.h"

#include <utility>

#include "agents/models/wire/decode.h"
#include "agents/models/wire/foreign_json.h"
#include "agents/models/wire/wire_json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

std::string FinishWord(StopReason stop) {
  switch (stop) {
    case StopReason::kLength:
      return "length";
    case StopReason::kTools:
      return "tool_calls";
    case StopReason::kRefused:
      return "content_filter";
    default:
      return "stop";
  }
}

// Ids are told apart over the whole conversation, and carry what the provider wants back.
std::string IdOf(const TranslatedAsk& ask, const ToolCall& call, int number) {
  std::string id = call.id;
  if (id.empty()) id = "call_" + ask.turn + "_" + std::to_string(number);
  return call.signature.empty() ? id : id + kSignatureMark + call.signature;
}

Json CallJson(const std::string& id, const std::string& name, const std::string& arguments) {
  return {
      {"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}};
}

Json UsageJson(const TokenCount& used) {
  return {{"prompt_tokens", used.input},
          {"completion_tokens", used.output},
          {"total_tokens", used.input + used.output},
          {"prompt_tokens_details", {{"cached_tokens", used.cached}}},
          {"completion_tokens_details", {{"reasoning_tokens", used.reasoning}}}};
}

Json MessageJson(const TranslatedAsk& ask, const ChatReply& reply) {
  Json message = {{"role", "assistant"}, {"content", nullptr}};
  if (!reply.content.empty()) message["content"] = reply.content;
  if (!reply.refusal.empty()) message["refusal"] = reply.refusal;
  if (!reply.reasoning.empty()) message["reasoning_content"] = reply.reasoning;
  Json calls = Json::array();
  for (const ToolCall& call : reply.calls) {
    if (!ask.object_tool.empty() && call.name == ask.object_tool)
      message["content"] = call.arguments;
    else
      calls.push_back(
          CallJson(IdOf(ask, call, static_cast<int>(calls.size())), call.name, call.arguments));
  }
  if (!calls.empty()) message["tool_calls"] = std::move(calls);
  return message;
}

// "{type, message}" of either provider as OpenAI writes it.
std::string ErrorJson(int status, std::string_view body) {
  auto json = ParseForeignJson(body, "an error");
  const Json* error = json && json->is_object() ? Member(*json, "error") : nullptr;
  std::string message = error ? ForeignText(*error, "message") : "";
  std::string code = error ? ForeignText(*error, "status") : "";
  if (code.empty() && error) code = ForeignText(*error, "type");
  if (message.empty()) message = Printable(body.substr(0, 500));
  Json out = {{"message", message},
              {"type", ErrorType(status)},
              {"code", code.empty() ? Json(nullptr) : Json(code)},
              {"param", nullptr}};
  return DumpJson(Json{{"error", out}});
}

}  // namespace

TranslatedAnswer TranslateAnswer(const WireFormat& from, const TranslatedAsk& ask, int status,
                                 std::string_view body) {
  if (status < 200 || status >= 300) return {status, ErrorJson(status, body)};
  auto reply = DecodeAnswer(from, body);
  if (!reply) return {502, ErrorJson(502, body)};
  bool object = !ask.object_tool.empty() && reply->stop == StopReason::kTools;
  Json choice = {{"index", 0},
                 {"message", MessageJson(ask, *reply)},
                 {"finish_reason", object ? "stop" : FinishWord(reply->stop)},
                 {"logprobs", nullptr}};
  Json out = {{"id", "chatcmpl-translated"},
              {"object", "chat.completion"},
              {"created", 0},
              {"model", ask.model},
              {"choices", Json::array({choice})}};
  if (reply->usage_known) out["usage"] = UsageJson(reply->tokens);
  return {status, DumpJson(out)};
}

TranslatedStream::TranslatedStream(const WireFormat& from, TranslatedAsk ask)
    : from_(from), ask_(std::move(ask)), usage_(from, true), reader_(from.MakeReader()) {}

std::string TranslatedStream::Add(std::string_view bytes) {
  usage_.Add(bytes);
  return Take(events_.Add(bytes));
}

std::string TranslatedStream::Take(const std::vector<StreamEvent>& events) {
  std::string out;
  for (const StreamEvent& event : events) {
    auto json = ParseForeignJson(event.data, "an event");
    if (!json || failed_) continue;
    auto added = reader_->AddEvent(*json);
    failed_ = !added;
    if (failed_)
      out += "data: " + ErrorJson(502, event.data) + "\n\n";
    else
      out += FromEvent(*json);
  }
  return out;
}

std::string TranslatedStream::Chunk(const Json& delta) const {
  Json choice = {{"index", 0}, {"delta", delta}, {"finish_reason", nullptr}};
  Json out = {{"id", "chatcmpl-translated"},
              {"object", "chat.completion.chunk"},
              {"created", 0},
              {"model", ask_.model},
              {"choices", Json::array({choice})}};
  return "data: " + DumpJson(out) + "\n\n";
}

std::string TranslatedStream::Call(const std::string& id, const std::string& name,
                                   const std::string& arguments) {
  Json call = CallJson(id, name, arguments);
  call["index"] = count_++;
  return Chunk({{"tool_calls", Json::array({call})}});
}

std::string TranslatedStream::BeginBlock(const Json& event) {
  const Json* block = Member(event, "content_block");
  if (!block) return "";
  if (ForeignText(*block, "type") != "tool_use") return "";
  std::int64_t index = ForeignCount(event, "index").value_or(0);
  std::string name = ForeignText(*block, "name");
  if (name == ask_.object_tool) {
    object_ = index;
    return "";
  }
  calls_[index] = count_;
  ToolCall call{ForeignText(*block, "id"), name, ""};
  return Call(IdOf(ask_, call, count_), name, "");
}

std::string TranslatedStream::ContinueBlock(const Json& event) {
  const Json* delta = Member(event, "delta");
  if (!delta) return "";
  std::int64_t index = ForeignCount(event, "index").value_or(0);
  std::string type = ForeignText(*delta, "type");
  if (type == "text_delta") return Chunk({{"content", ForeignText(*delta, "text")}});
  if (type == "thinking_delta")
    return Chunk({{"reasoning_content", ForeignText(*delta, "thinking")}});
  if (type != "input_json_delta") return "";
  std::string piece = ForeignText(*delta, "partial_json");
  return index == object_ ? Chunk({{"content", piece}}) : Arguments(index, piece);
}

std::string TranslatedStream::FromEvent(const Json& event) {
  if (from_.name() == "gemini") return FromGemini(event);
  return from_.name() == "messages" ? FromMessages(event) : FromResponses(event);
}

std::string TranslatedStream::FromResponses(const Json& event) {
  std::string type = ForeignText(event, "type"), delta = ForeignText(event, "delta");
  std::int64_t index = ForeignCount(event, "output_index").value_or(0);
  if (type == "response.created") return Chunk({{"role", "assistant"}, {"content", ""}});
  if (type == "response.output_text.delta") {
    said_ = true;
    return Chunk({{"content", delta}});
  }
  if (type == "response.reasoning_summary_text.delta" || type == "response.reasoning_text.delta")
    return Chunk({{"reasoning_content", delta}});
  const Json* item = Member(event, "item");
  bool call = item && ForeignText(*item, "type") == "function_call";
  if (type == "response.output_item.added" && call) {
    calls_[index] = count_;
    ToolCall begun{ForeignText(*item, "call_id"), ForeignText(*item, "name"), ""};
    return Call(IdOf(ask_, begun, count_), begun.name, "");
  }
  if (type == "response.function_call_arguments.delta") return Arguments(index, delta);
  return "";
}

// More of the arguments of a call that was begun.
std::string TranslatedStream::Arguments(std::int64_t index, const std::string& piece) {
  Json call = {{"index", calls_[index]}, {"function", {{"arguments", piece}}}};
  return Chunk({{"tool_calls", Json::array({call})}});
}

std::string TranslatedStream::FromMessages(const Json& event) {
  std::string type = ForeignText(event, "type");
  if (type == "message_start") return Chunk({{"role", "assistant"}, {"content", ""}});
  if (type == "content_block_start") return BeginBlock(event);
  return type == "content_block_delta" ? ContinueBlock(event) : "";
}

std::string TranslatedStream::FromGemini(const Json& event) {
  std::string out;
  if (!std::exchange(begun_, true)) out = Chunk({{"role", "assistant"}, {"content", ""}});
  const Json* candidates = Member(event, "candidates");
  if (!candidates || !candidates->is_array() || candidates->empty()) return out;
  const Json* content = Member(candidates->front(), "content");
  const Json* parts = content ? Member(*content, "parts") : nullptr;
  for (const Json& part : parts && parts->is_array() ? *parts : Json::array()) {
    bool thought = JsonOr(part, "thought", false);
    std::string text = ForeignText(part, "text");
    if (!text.empty()) out += Chunk({{thought ? "reasoning_content" : "content", text}});
    const Json* function = Member(part, "functionCall");
    if (!function) continue;
    const Json* args = Member(*function, "args");
    ToolCall call{ForeignText(*function, "id"), ForeignText(*function, "name"),
                  args ? DumpJson(*args) : "{}", ForeignText(part, "thoughtSignature")};
    out += Call(IdOf(ask_, call, count_), call.name, call.arguments);
  }
  return out;
}

std::string TranslatedStream::Finish(StopReason stop) {
  bool object = object_ >= 0 && stop == StopReason::kTools;
  Json last = {{"index", 0},
               {"delta", Json::object()},
               {"finish_reason", object ? "stop" : FinishWord(stop)}};
  Json out = {{"id", "chatcmpl-translated"},
              {"object", "chat.completion.chunk"},
              {"created", 0},
              {"model", ask_.model},
              {"choices", Json::array({last})}};
  std::string text = "data: " + DumpJson(out) + "\n\n";
  auto used = usage_.End();
  if (!used || !ask_.wants_usage) return text;
  out["choices"] = Json::array();
  out["usage"] = UsageJson(*used);
  return text + "data: " + DumpJson(out) + "\n\n";
}

// What only the last event held, which has the whole answer.
std::string TranslatedStream::Unsaid(const ChatReply& reply) {
  std::string out;
  if (!said_ && !reply.content.empty()) out += Chunk({{"content", reply.content}});
  for (std::size_t i = static_cast<std::size_t>(count_); i < reply.calls.size(); ++i)
    out += Call(IdOf(ask_, reply.calls[i], count_), reply.calls[i].name, reply.calls[i].arguments);
  return out;
}

std::string TranslatedStream::End() {
  std::string out = Take(events_.End());
  if (failed_) return out;
  ChatReply reply = reader_->Finish();
  if (from_.name() == "responses") out += Unsaid(reply);
  if (!reply.refusal.empty() && reply.content.empty()) out += Chunk({{"refusal", reply.refusal}});
  return out + Finish(reply.stop) + "data: [DONE]\n\n";
}

}  // namespace podium::agents
