#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agents/models/wire/usd.h"
#include "agents/operators/operator.h"
#include "base/records/event.h"

namespace podium::agents {

// A function that a model asks to be called.
struct ToolCall {
  std::string id;              // as the provider names it; some name none
  std::string name;            // of the function
  std::string arguments;       // JSON text as the model wrote it
  std::string signature = {};  // its provider wants it back with the call

  friend bool operator==(const ToolCall&, const ToolCall&) = default;
};

// What became of a call.
struct ToolResult {
  std::string call_id;
  std::string name;  // of the function
  std::string text;
  bool failed = false;
};

// A piece of what is said: a text, or a picture.
struct ChatPart {
  std::string text;
  std::string media_type = {};  // "image/png"; empty: it is a text
  std::string data = {};        // of a picture, in base64
};

// One turn of a conversation.
struct ChatMessage {
  std::string role;  // "system", "user", "assistant"
  std::string content;
  std::vector<ToolCall> calls;       // of an assistant, after its text
  std::vector<ToolResult> results;   // of a user, before its text
  std::string echo = {};             // of an assistant: JSON that its provider wants back as it was
  std::vector<ChatPart> parts = {};  // of a user who shows pictures, in place of the content
};

// A function that a model may ask for.
struct ToolSpec {
  std::string name;
  std::string description;
  std::string parameters_json;  // JSON schema
};

// A conversation and how its next turn is asked for, in no provider's terms.
struct ChatRequest {
  std::vector<ChatMessage> messages;
  std::vector<ToolSpec> tools;
  std::string
      forced_tool;  // name of the one that the answer should call; empty: the model's choice
  double temperature = 0.5;
  int max_tokens = 2048;
  std::int64_t seed = 0;
  // Among the trial's requests, in whatever order they are asked; nothing: by that order. (It is
  // not sent.)
  std::optional<std::int64_t> number = {};
};

// Why an answer ended, whatever words its format has for it.
enum class StopReason {
  kEnd,      // the model had said all
  kLength,   // its limit of length
  kTools,    // it waits for the results of its calls
  kRefused,  // the model or a filter refused
  kOther,
};

// What came back. Text where a tool call was forced, invalid arguments, an answer that its limit
// cut: all are values here.
struct ChatReply {
  std::string content;
  std::vector<ToolCall> calls;
  StopReason stop = StopReason::kOther;
  std::string finish_reason;  // in the format's own words
  std::string refusal;        // why the model or its filter gave no answer
  std::string reasoning;      // what it let be seen of its thoughts
  std::string echo;           // as ChatMessage's
  bool streamed = false;      // it came as events
  bool replayed = false;      // read from the trial's record: asked and paid before
  bool usage_known = false;   // the server said what it used
  TokenUsage usage;
  TokenCount tokens;             // the same in full, where it is known
  records::AnswerRef kept = {};  // where the trial's record has it

  // The call that is acted on where one is wanted: the first with whole arguments, else the first;
  // nullptr without any.
  [[nodiscard]] const ToolCall* call() const;
};

}  // namespace podium::agents
