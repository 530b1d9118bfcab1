#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "agents/models/model_fault.h"
#include "agents/operators/operator.h"

namespace podium::agents {

// What came back. Text where a tool call was forced, invalid arguments, an answer that its limit
// cut: all are values here.
struct ChatReply {
  std::string content;
  std::string tool_name;       // "" when no tool was called
  std::string tool_arguments;  // JSON text as the model wrote it
  std::string finish_reason;   // "stop", "length", "tool_calls", "content_filter", ...
  std::string refusal;         // why the model or its filter gave no answer
  bool replayed = false;       // read from the trial's record: asked and paid before
  bool usage_known = false;    // the server said what it used
  TokenUsage usage;
};

// A server-sent-event stream or a plain JSON answer, put together. Content in parts, tool calls in
// their several shapes, an older `function_call` are read. An "error" member is judged by its code;
// a stream without an end, no choice at all, and what is no JSON are kUnreadable.
[[nodiscard]] tl::expected<ChatReply, ModelFault> ParseChatResponse(std::string_view body);

// The same as one JSON answer.
[[nodiscard]] std::string ChatReplyAsJson(const ChatReply& reply);

}  // namespace podium::agents
