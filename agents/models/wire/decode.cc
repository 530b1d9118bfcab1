#include "agents/models/wire/decode.h"

#include <utility>

#include "agents/models/wire/event_stream.h"
#include "agents/models/wire/foreign_json.h"
#include "agents/models/wire/usage_reader.h"
#include "base/text.h"

namespace podium::agents {
namespace {

using Added = tl::expected<void, ModelFault>;

tl::unexpected<ModelFault> Unreadable(std::string text) {
  return tl::unexpected(ModelFault{FaultKind::kUnreadable, std::move(text), {}, {}});
}

// What a stream has shown so far.
struct Progress {
  bool any = false;   // an event with data
  bool done = false;  // "[DONE]"
};

Added AddWhole(std::string_view body, AnswerReader& reader) {
  auto json = ParseForeignJson(body, "the model's answer");
  if (!json) return Unreadable(json.error().message);
  if (auto added = reader.AddWhole(*json); !added) return added;
  if (reader.has_answer()) return {};
  // Some refuse in words of their own: {"code": 503, "message": "..."}
  ModelFault judged = JudgeError(200, body);
  judged.text = "the model's answer holds no choice: " + judged.text;
  return tl::unexpected(std::move(judged));
}

Added AddEvents(const std::vector<StreamEvent>& events, AnswerReader& reader, Progress& progress) {
  for (const StreamEvent& event : events) {
    if (Trim(event.data) == "[DONE]") {
      progress.done = true;
      continue;
    }
    auto part = ParseForeignJson(event.data, "a streamed part of the model's answer");
    if (!part && event.type != "error") return Unreadable(part.error().message);
    if (event.type == "error") return tl::unexpected(JudgeError(200, event.data));
    progress.any = true;
    if (auto added = reader.AddEvent(*part); !added) return added;
  }
  return {};
}

Added AddStream(std::string_view body, AnswerReader& reader) {
  EventStreamReader stream;
  Progress progress;
  for (const auto& events : {stream.Add(body), stream.End()}) {
    if (auto added = AddEvents(events, reader, progress); !added) return added;
  }
  if (!progress.any)
    return Unreadable("the model's answer is neither JSON nor an event stream: " +
                      Printable(body.substr(0, 200)));
  if (!progress.done && !reader.ended())
    return Unreadable("the model's answer broke off before its end");
  if (!reader.has_answer()) return Unreadable("the model's answer holds no choice");
  return {};
}

}  // namespace

tl::expected<ChatReply, ModelFault> DecodeAnswer(const WireFormat& format, std::string_view body) {
  std::string_view text = body;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  text = Trim(text);
  bool whole = text.starts_with('{') || text.starts_with('[');
  auto reader = format.MakeReader();
  if (auto added = whole ? AddWhole(text, *reader) : AddStream(body, *reader); !added)
    return tl::unexpected(std::move(added).error());
  ChatReply reply = reader->Finish();
  reply.streamed = !whole;
  UsageReader usage(format, !whole);
  usage.Add(body);
  if (auto used = usage.End()) {
    reply.usage_known = true;
    reply.tokens = *used;
    reply.usage.prompt = used->input;
    reply.usage.completion = used->output;
  }
  return reply;
}

}  // namespace podium::agents
