#include "tests/support/wire_answers.h"

#include <nlohmann/json.hpp>
#include <vector>

namespace podium::tests {
namespace {

using nlohmann::json;

std::string Event(const json& data, const std::string& type = "") {
  constexpr auto kReplace = json::error_handler_t::ignore;
  return (type.empty() ? "" : "event: " + type + "\n") +
         "data: " + data.dump(-1, ' ', false, kReplace) + "\n\n";
}

// A text in a few pieces.
std::vector<std::string> Pieces(const std::string& text) {
  std::size_t step = text.size() / 4 + 1;
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size(); at += step) out.push_back(text.substr(at, step));
  return out;
}

// Chat Completions.

std::string ChatStop(const Said& s) {
  if (s.stop == "length") return "length";
  return s.tool.empty() ? "stop" : "tool_calls";
}

json ChatUsage(const Said& s) {
  return {{"prompt_tokens", s.input},
          {"completion_tokens", s.output},
          {"total_tokens", s.input + s.output}};
}

json ChatChunk(const json& delta, const json& finish) {
  json choice = {{"index", 0}, {"delta", delta}, {"finish_reason", finish}};
  return {{"object", "chat.completion.chunk"}, {"choices", json::array({choice})}};
}

json ChatCall(const Said& s, const std::string& arguments) {
  return {{"index", 0},
          {"id", "call_1"},
          {"type", "function"},
          {"function", {{"name", s.tool}, {"arguments", arguments}}}};
}

std::string ChatStream(const Said& s) {
  const char* key = s.stop == "refusal" ? "refusal" : "content";
  std::string out;
  for (const auto& piece : Pieces(s.text)) out += Event(ChatChunk({{key, piece}}, nullptr));
  if (!s.tool.empty())
    out += Event(ChatChunk({{"tool_calls", json::array({ChatCall(s, s.arguments)})}}, nullptr));
  out += Event(ChatChunk(json::object(), ChatStop(s)));
  if (s.usage)
    out += Event(
        {{"object", "chat.completion.chunk"}, {"choices", json::array()}, {"usage", ChatUsage(s)}});
  return out + "data: [DONE]\n\n";
}

json ChatWhole(const Said& s) {
  json message = {{"role", "assistant"}};
  message[s.stop == "refusal" ? "refusal" : "content"] = s.text;
  if (!s.tool.empty()) message["tool_calls"] = json::array({ChatCall(s, s.arguments)});
  json choice = {{"index", 0}, {"message", message}, {"finish_reason", ChatStop(s)}};
  json out = {{"object", "chat.completion"}, {"choices", json::array({choice})}};
  if (s.usage) out["usage"] = ChatUsage(s);
  return out;
}

// Responses.

json ResponsesWhole(const Said& s) {
  json part = {{"type", "output_text"}, {"text", s.text}};
  if (s.stop == "refusal") part = {{"type", "refusal"}, {"refusal", s.text}};
  json output = json::array();
  if (!s.text.empty())
    output.push_back(
        {{"type", "message"}, {"role", "assistant"}, {"content", json::array({part})}});
  if (!s.tool.empty())
    output.push_back({{"type", "function_call"},
                      {"call_id", "call_1"},
                      {"name", s.tool},
                      {"arguments", s.arguments}});
  json out = {{"object", "response"}, {"status", "completed"}, {"output", output}};
  if (s.stop == "length") {
    out["status"] = "incomplete";
    out["incomplete_details"] = {{"reason", "max_output_tokens"}};
  }
  if (s.usage)
    out["usage"] = {{"input_tokens", s.input},
                    {"output_tokens", s.output},
                    {"total_tokens", s.input + s.output}};
  return out;
}

std::string ResponsesStream(const Said& s) {
  std::string begin = "response.created";
  std::string out = Event({{"type", begin}, {"response", {{"status", "in_progress"}}}}, begin);
  std::string type = s.stop == "refusal" ? "response.refusal.delta" : "response.output_text.delta";
  for (const auto& piece : Pieces(s.text))
    out += Event({{"type", type}, {"item_id", "m"}, {"delta", piece}}, type);
  std::string end = s.stop == "length" ? "response.incomplete" : "response.completed";
  return out + Event({{"type", end}, {"response", ResponsesWhole(s)}}, end);
}

// Messages.

std::string MessagesStop(const Said& s) {
  if (s.stop == "length") return "max_tokens";
  if (s.stop == "refusal") return "refusal";
  return s.tool.empty() ? "end_turn" : "tool_use";
}

json MessagesUse(const Said& s, const json& input) {
  return {{"type", "tool_use"}, {"id", "toolu_1"}, {"name", s.tool}, {"input", input}};
}

json MessagesWhole(const Said& s) {
  json content = json::array();
  if (!s.text.empty()) content.push_back({{"type", "text"}, {"text", s.text}});
  if (!s.tool.empty()) content.push_back(MessagesUse(s, json::parse(s.arguments)));
  json out = {{"type", "message"},
              {"role", "assistant"},
              {"content", content},
              {"stop_reason", MessagesStop(s)}};
  if (s.usage) out["usage"] = {{"input_tokens", s.input}, {"output_tokens", s.output}};
  return out;
}

std::string MessagesEvent(json data) {
  std::string type = data["type"];
  return Event(data, type);
}

std::string MessagesBlock(int index, const json& block, const std::string& delta_type,
                          const char* key, const std::string& text) {
  std::string out =
      MessagesEvent({{"type", "content_block_start"}, {"index", index}, {"content_block", block}});
  for (const auto& piece : Pieces(text)) {
    json delta = {{"type", delta_type}, {key, piece}};
    out += MessagesEvent({{"type", "content_block_delta"}, {"index", index}, {"delta", delta}});
  }
  return out + MessagesEvent({{"type", "content_block_stop"}, {"index", index}});
}

std::string MessagesStream(const Said& s) {
  json message = {{"type", "message"}, {"role", "assistant"}, {"content", json::array()}};
  if (s.usage) message["usage"] = {{"input_tokens", s.input}, {"output_tokens", 1}};
  std::string out = MessagesEvent({{"type", "message_start"}, {"message", message}});
  out += MessagesEvent({{"type", "ping"}});
  int index = 0;
  if (!s.text.empty())
    out += MessagesBlock(index++, {{"type", "text"}, {"text", ""}}, "text_delta", "text", s.text);
  if (!s.tool.empty())
    out += MessagesBlock(index, MessagesUse(s, json::object()), "input_json_delta", "partial_json",
                         s.arguments);
  json end = {{"type", "message_delta"}, {"delta", {{"stop_reason", MessagesStop(s)}}}};
  if (s.usage) end["usage"] = {{"output_tokens", s.output}};
  return out + MessagesEvent(end) + MessagesEvent({{"type", "message_stop"}});
}

// Gemini.

json GeminiChunk(const json& parts, const json& finish) {
  json candidate = {{"content", {{"role", "model"}, {"parts", parts}}}};
  if (!finish.is_null()) candidate["finishReason"] = finish;
  return {{"candidates", json::array({candidate})}};
}

json GeminiEnd(const Said& s, json parts) {
  if (!s.tool.empty())
    parts.push_back({{"functionCall", {{"name", s.tool}, {"args", json::parse(s.arguments)}}}});
  json out = GeminiChunk(parts, s.stop == "length" ? "MAX_TOKENS" : "STOP");
  if (s.stop == "refusal") out = {{"promptFeedback", {{"blockReason", "SAFETY"}}}};
  if (s.usage)
    out["usageMetadata"] = {{"promptTokenCount", s.input}, {"candidatesTokenCount", s.output}};
  return out;
}

std::string GeminiStream(const Said& s) {
  std::string out;
  if (s.stop != "refusal") {
    for (const auto& piece : Pieces(s.text))
      out += Event(GeminiChunk(json::array({{{"text", piece}}}), nullptr));
  }
  return out + Event(GeminiEnd(s, json::array()));
}

json GeminiWhole(const Said& s) {
  json parts = json::array();
  if (!s.text.empty()) parts.push_back({{"text", s.text}});
  return GeminiEnd(s, parts);
}

}  // namespace

std::string StreamOf(const std::string& format, const Said& said) {
  if (format == "chat") return ChatStream(said);
  if (format == "responses") return ResponsesStream(said);
  return format == "messages" ? MessagesStream(said) : GeminiStream(said);
}

std::string WholeOf(const std::string& format, const Said& said) {
  if (format == "chat") return ChatWhole(said).dump();
  if (format == "responses") return ResponsesWhole(said).dump();
  return format == "messages" ? MessagesWhole(said).dump() : GeminiWhole(said).dump();
}

std::string ErrorOf(const std::string& format, int status, const std::string& code) {
  json error = {{"message", "a scripted error"}};
  if (format == "gemini") {
    error["code"] = status;
    error["status"] = code;
  } else {
    error["type"] = code;
    if (format != "messages") error["code"] = code;
  }
  json out = {{"error", error}};
  if (format == "messages") out["type"] = "error";
  return out.dump();
}

std::string ErrorEventOf(const std::string& format, int status, const std::string& code) {
  json data = json::parse(ErrorOf(format, status, code));
  if (format == "messages") return Event(data, "error");
  if (format != "responses") return Event(data);
  json failed = {{"status", "failed"}, {"error", data["error"]}};
  return Event({{"type", "response.failed"}, {"response", failed}}, "response.failed");
}

}  // namespace podium::tests
