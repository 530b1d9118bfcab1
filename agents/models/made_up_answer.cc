#include "agents/models/made_up_answer.h"

#include <utility>

namespace podium::agents {
namespace {

constexpr std::string_view kWhy = "This fault was injected by llm.faults.";
constexpr std::string_view kTalk =
    "I would begin with a closer look at the data, then compare a few models by cross-validation. "
    "Shall I go on?";

struct Refused {
  int status = 0;
  const char* code = "";
};

// Of those that are refused by a status.
Refused RefusalOf(Injection injection) {
  if (injection == Injection::kRateLimit) return {429, "rate_limit_exceeded"};
  if (injection == Injection::kOverloaded) return {529, "overloaded_error"};
  return {500, "server_error"};
}

MadeUpAnswer Refusal(Injection injection, const AskShape& shape) {
  auto [status, code] = RefusalOf(injection);
  MadeUpAnswer out{.status = status, .headers = {{"content-type", "application/json"}}};
  if (injection == Injection::kRateLimit) out.headers.emplace_back("retry-after", "1");
  out.body = shape.format->ErrorBody(status, code, kWhy);
  return out;
}

ChatReply Saying(Injection injection, const AskShape& shape) {
  ChatReply out;
  out.usage_known = true;  // nothing was used
  out.stop = StopReason::kEnd;
  if (injection != Injection::kEmpty) out.content = kTalk;
  if (injection == Injection::kMalformedTool) {
    out.content.clear();
    out.stop = StopReason::kTools;
    out.calls.push_back({"call_podium", shape.tool, "{\"", ""});
  }
  out.finish_reason = shape.format->StopWord(out.stop);
  return out;
}

// The first event of several.
std::string Begun(const std::string& events) {
  std::size_t end = events.find("\n\n") + 2;
  return end < events.size() ? events.substr(0, end) : "";
}

MadeUpAnswer Cut(const AskShape& shape) {
  std::string whole = AnswerText(Saying(Injection::kProse, shape), shape);
  std::string begun = shape.events ? Begun(whole) : "";
  if (begun.empty()) begun = whole.substr(0, whole.size() / 2);
  return {.headers = {{"content-type", std::string(AnswerType(shape))}},
          .body = std::move(begun),
          .complete = false};
}

MadeUpAnswer ErrorInside(const AskShape& shape) {
  constexpr int kStatus = 529;
  constexpr std::string_view kCode = "overloaded_error";
  MadeUpAnswer out{.headers = {{"content-type", std::string(AnswerType(shape))}}};
  out.body = shape.format->ErrorBody(kStatus, kCode, kWhy);
  if (shape.events)
    out.body = Begun(AnswerText(Saying(Injection::kProse, shape), shape)) +
               shape.format->ErrorEvent(kStatus, kCode, kWhy);
  return out;
}

// The first half, without the rest of a character that begins in it.
std::string FirstHalf(const std::string& text) {
  std::size_t end = text.size() / 2;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

bool IsOfTransport(Injection injection) { return injection < Injection::kEmpty; }

bool CanHappen(Injection injection, const AskShape& shape) {
  if (injection == Injection::kMalformedTool && shape.tool.empty()) return false;
  bool by_words = injection >= Injection::kCutStream && injection != Injection::kHang;
  return !by_words || shape.format->converses();
}

MadeUpAnswer MakeUp(Injection injection, const AskShape& shape, Millis idle) {
  switch (injection) {
    case Injection::kRateLimit:
    case Injection::kServerError:
    case Injection::kOverloaded:
      return Refusal(injection, shape);
    case Injection::kNoAnswer:
      return {.status = 0, .complete = false};
    case Injection::kHang:
      return {.status = 0, .complete = false, .silence = idle};
    case Injection::kCutStream:
      return Cut(shape);
    case Injection::kErrorEvent:
      return ErrorInside(shape);
    default:
      return {.headers = {{"content-type", std::string(AnswerType(shape))}},
              .body = AnswerText(Saying(injection, shape), shape)};
  }
}

void Truncate(ChatReply& reply, const WireFormat& format) {
  if (!reply.content.empty()) {
    reply.content = FirstHalf(reply.content);
    reply.calls.clear();
  } else if (!reply.calls.empty()) {
    reply.calls.back().arguments = FirstHalf(reply.calls.back().arguments);
  }
  reply.stop = StopReason::kLength;
  reply.finish_reason = format.StopWord(reply.stop);
}

std::string AnswerText(const ChatReply& reply, const AskShape& shape) {
  if (shape.events) return shape.format->AnswerEvents(reply, shape.model);
  std::string body = shape.format->AnswerBody(reply, shape.model);
  return shape.stream ? "[" + body + "]" : body;
}

std::string_view AnswerType(const AskShape& shape) {
  return shape.events ? "text/event-stream" : "application/json";
}

}  // namespace podium::agents
