#pragma once

#include <string>
#include <string_view>

#include "agents/models/wire/wire_format.h"
#include "base/clock.h"

namespace podium::agents {

// A fault of a model that is made on purpose, to see what an agent makes of it.
enum class Injection {
  // Of transport: what asks again gets an answer in the end.
  kRateLimit,    // 429, which asks to wait for a second
  kServerError,  // 500
  kOverloaded,   // 529
  kNoAnswer,     // the connection closes
  kCutStream,    // the answer breaks off in the middle
  kErrorEvent,   // an error after a status of 200
  kHang,         // no byte for llm.idle_timeout, then the connection closes
  // Of content: an answer that is of no use.
  kEmpty,          // it says nothing
  kProse,          // text without a program or a call of a tool
  kMalformedTool,  // a tool is called with arguments that are no JSON
  kTruncated,      // the model's own, cut in half as if by its limit of length
};

// "429", "cut_stream", ...: its name in settings and journals.
[[nodiscard]] std::string_view InjectionName(Injection injection);
[[nodiscard]] bool IsOfTransport(Injection injection);

// A request, as far as a made-up answer depends on it.
struct AskShape {
  const WireFormat* format = nullptr;
  std::string model;    // as it is to be named in the answer
  bool stream = false;  // the answer is to come in pieces
  bool events = false;  // as server-sent events
  std::string tool;     // a function that it offers; empty: none
};

// Whether it can happen to such a request: what is said needs a conversation, a call needs a tool.
[[nodiscard]] bool CanHappen(Injection injection, const AskShape& shape);

// What comes back in place of an answer.
struct MadeUpAnswer {
  int status = 200;    // 0: the connection closes
  HeaderList headers;  // names in lower case
  std::string body;
  bool complete = true;  // it comes to its end
  Millis silence{0};     // before anything of it
};

// For all but kTruncated. `idle`: how long a hang lasts.
[[nodiscard]] MadeUpAnswer MakeUp(Injection injection, const AskShape& shape, Millis idle);

// An answer as if its limit of length had cut it in the middle of its text or, where it has none,
// of its last call's arguments.
void Truncate(ChatReply& reply, const WireFormat& format);

// An answer in the form that was asked for.
[[nodiscard]] std::string AnswerText(const ChatReply& reply, const AskShape& shape);
[[nodiscard]] std::string_view AnswerType(const AskShape& shape);  // "text/event-stream", ...

}  // namespace podium::agents
