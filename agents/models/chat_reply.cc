#include "agents/models/chat_reply.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "agents/models/event_stream.h"
#include "agents/models/foreign_json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

tl::unexpected<ModelFault> Unreadable(std::string text) {
  return tl::unexpected(ModelFault{FaultKind::kUnreadable, std::move(text), {}, {}});
}

const Json* Member(const Json& object, const char* key) {
  auto it = object.is_object() ? object.find(key) : object.end();
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

// A text, or the text parts of a list; thoughts, pictures and the like are not the answer.
std::string TextOf(const Json* content) {
  if (!content) return {};
  if (content->is_string()) return content->get<std::string>();
  if (content->is_object()) {
    std::string type = ForeignText(*content, "type");
    bool text = type.empty() || type == "text" || type == "output_text";
    const Json* inner = Member(*content, "text");
    if (inner && inner->is_object()) inner = Member(*inner, "value");
    return text && inner && inner->is_string() ? inner->get<std::string>() : std::string();
  }
  std::string out;
  if (!content->is_array()) return out;
  for (const Json& part : *content) out += TextOf(&part);
  return out;
}

// Arguments as text: some servers send the object itself.
std::string ArgumentsOf(const Json& function) {
  for (const char* key : {"arguments", "parameters", "input"}) {
    const Json* value = Member(function, key);
    if (value) return value->is_string() ? value->get<std::string>() : DumpJson(*value);
  }
  return {};
}

bool IsWhole(const std::string& arguments) {
  auto json = ParseForeignJson(arguments, "arguments");
  return json && json->is_object();
}

struct Call {
  std::optional<std::int64_t> index;
  std::string id, name, arguments;
};

class Calls {
 public:
  // `whole`: each element of a list is a call of its own.
  void Add(const Json& list, bool whole) {
    if (list.is_object()) AddCall(list, whole);
    if (!list.is_array()) return;
    for (const Json& call : list) AddCall(call, whole);
  }

  void AddFunction(const Json& function) {
    Call piece{{}, "function_call", ForeignText(function, "name"), ArgumentsOf(function)};
    Merge(std::move(piece), false);
  }

  // The first that is whole, else the first.
  [[nodiscard]] const Call* Chosen() const {
    auto found = std::ranges::find_if(calls_, [](const Call& c) { return IsWhole(c.arguments); });
    if (found != calls_.end()) return &*found;
    return calls_.empty() ? nullptr : &calls_.front();
  }

 private:
  void AddCall(const Json& call, bool whole) {
    if (!call.is_object()) return;
    const Json* function = Member(call, "function");
    const Json& inner = function && function->is_object() ? *function : call;
    Call piece{ForeignCount(call, "index"), ForeignText(call, "id"), ForeignText(inner, "name"),
               ArgumentsOf(inner)};
    Merge(std::move(piece), whole);
  }

  Call* Continued(const Call& piece) {
    for (Call& known : calls_) {
      bool ids_differ = !piece.id.empty() && !known.id.empty() && piece.id != known.id;
      if (piece.index && known.index == piece.index && !ids_differ) return &known;
      if (!piece.index && !piece.id.empty() && piece.id == known.id) return &known;
    }
    bool nameless = !piece.index && piece.id.empty() && piece.name.empty();
    return nameless && !calls_.empty() ? &calls_.back() : nullptr;
  }

  void Merge(Call piece, bool whole) {
    Call* known = whole ? nullptr : Continued(piece);
    if (!known) {
      calls_.push_back(std::move(piece));
      return;
    }
    if (known->name != piece.name) known->name += piece.name;  // some repeat it in every piece
    if (known->id.empty()) known->id = piece.id;
    known->arguments += piece.arguments;
  }

  std::vector<Call> calls_;
};

class Reader {
 public:
  // A chunk of a stream, or a whole answer.
  tl::expected<void, ModelFault> Add(const Json& part) {
    if (!part.is_object()) return {};
    bool says_error =
        ForeignText(part, "object") == "error" || ForeignText(part, "type") == "error";
    const Json* error = Member(part, "error");
    bool empty = error && (error->empty() || *error == Json(false) || *error == Json(""));
    if ((error && !empty) || says_error) return tl::unexpected(JudgeError(200, DumpJson(part)));
    if (const Json* usage = Member(part, "usage")) AddUsage(*usage);
    const Json* choices = Member(part, "choices");
    if (!choices || !choices->is_array()) return {};
    for (const Json& choice : *choices) {
      if (choice.is_object() && ForeignCount(choice, "index").value_or(0) == 0) AddChoice(choice);
    }
    return {};
  }

  void SawDone() { done_ = true; }
  [[nodiscard]] bool ended() const { return done_ || !reply_.finish_reason.empty(); }
  [[nodiscard]] bool has_choice() const { return has_choice_; }

  ChatReply Finish() {
    if (const Call* call = calls_.Chosen()) {
      reply_.tool_name = call->name;
      reply_.tool_arguments = call->arguments;
    }
    return std::move(reply_);
  }

 private:
  void AddUsage(const Json& usage) {
    auto prompt = ForeignCount(usage, "prompt_tokens");
    auto completion = ForeignCount(usage, "completion_tokens");
    if (prompt) reply_.usage.prompt = *prompt;
    if (completion) reply_.usage.completion = *completion;
    reply_.usage_known = reply_.usage_known || (prompt && completion);
  }

  void AddChoice(const Json& choice) {
    has_choice_ = true;
    const Json* delta = Member(choice, "delta");
    const Json* message = Member(choice, "message");
    bool whole = !delta || !delta->is_object() || delta->empty();
    const Json* said = whole ? message : delta;
    if (said && said->is_object()) {
      reply_.content += TextOf(Member(*said, "content"));
      reply_.refusal += TextOf(Member(*said, "refusal"));
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
  bool done_ = false;
  bool has_choice_ = false;
};

tl::expected<ChatReply, ModelFault> ParseWhole(std::string_view body) {
  auto json = ParseForeignJson(body, "the model's answer");
  if (!json) return Unreadable(json.error().message);
  const Json& whole = json->is_array() && !json->empty() ? json->front() : *json;
  Reader reader;
  if (auto added = reader.Add(whole); !added) return tl::unexpected(added.error());
  if (!reader.has_choice()) {
    // Some refuse in words of their own: {"code": 503, "message": "..."}
    ModelFault judged = JudgeError(200, body);
    judged.text = "the model's answer holds no choice: " + judged.text;
    return tl::unexpected(std::move(judged));
  }
  return reader.Finish();
}

tl::expected<void, ModelFault> AddEvents(const std::vector<StreamEvent>& events, Reader& reader,
                                         bool& any) {
  for (const StreamEvent& event : events) {
    if (Trim(event.data) == "[DONE]") {
      reader.SawDone();
      continue;
    }
    auto part = ParseForeignJson(event.data, "a streamed part of the model's answer");
    if (!part && event.type != "error") return Unreadable(part.error().message);
    if (event.type == "error") return tl::unexpected(JudgeError(200, event.data));
    any = true;
    if (auto added = reader.Add(*part); !added) return added;
  }
  return {};
}

}  // namespace

tl::expected<ChatReply, ModelFault> ParseChatResponse(std::string_view body) {
  std::string_view text = body;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  text = Trim(text);
  if (text.starts_with('{') || text.starts_with('[')) return ParseWhole(text);
  EventStreamReader stream;
  Reader reader;
  bool any = false;
  for (const auto& events : {stream.Add(body), stream.End()}) {
    if (auto added = AddEvents(events, reader, any); !added) return tl::unexpected(added.error());
  }
  if (!any)
    return Unreadable("the model's answer is neither JSON nor an event stream: " +
                      Printable(body.substr(0, 200)));
  if (!reader.ended()) return Unreadable("the model's answer broke off before its end");
  if (!reader.has_choice()) return Unreadable("the model's answer holds no choice");
  return reader.Finish();
}

std::string ChatReplyAsJson(const ChatReply& reply) {
  Json message = {{"role", "assistant"}, {"content", reply.content}};
  if (!reply.refusal.empty()) message["refusal"] = reply.refusal;
  if (!reply.tool_name.empty() || !reply.tool_arguments.empty()) {
    Json function = {{"name", reply.tool_name}, {"arguments", reply.tool_arguments}};
    message["tool_calls"] = Json::array({Json{{"type", "function"}, {"function", function}}});
  }
  Json choice = {{"index", 0}, {"message", message}, {"finish_reason", reply.finish_reason}};
  Json out = {{"choices", Json::array({choice})}};
  if (reply.usage_known)
    out["usage"] = {{"prompt_tokens", reply.usage.prompt},
                    {"completion_tokens", reply.usage.completion}};
  return DumpJson(out);
}

}  // namespace podium::agents
