#include "agents/models/chat_client.h"

#include <algorithm>
#include <utility>

#include "agents/models/record_store.h"
#include "agents/models/retry_after.h"
#include "agents/models/wire/decode.h"
#include "agents/models/wire/registry.h"
#include "base/http/address.h"
#include "base/http/key_scrubber.h"
#include "base/log.h"
#include "base/text.h"

namespace podium::agents {
namespace {

using TimePoint = Deadline::Clock::time_point;

constexpr const char* kContextOverflow = "context_overflow";
constexpr const char* kContentRefused = "content_refused";
constexpr Millis kFirstPause{250};  // before an answer that could not be read is asked for again

bool HasReason(const Error& error, const char* reason) {
  std::pair<std::string, std::string> wanted("reason", reason);
  return std::ranges::find(error.context, wanted) != error.context.end();
}

std::string HeaderOf(const HttpResponse& r, std::string_view name) {
  auto found = std::ranges::find(r.headers, name, &std::pair<std::string, std::string>::first);
  return found == r.headers.end() ? std::string() : found->second;
}

std::string Advice(const HttpResponse& r) {
  if (r.status == 401 || r.status == 403) return ". Check OPENAI_API_KEY.";
  if (r.status == 404)
    return ". Check OPENAI_BASE_URL (it should end in /v1) and the model's name.";
  if (r.status == 0) return ". Is the server up? OPENAI_BASE_URL says where it is looked for.";
  return "";
}

// What the server did, for a person.
std::string Describe(const HttpResponse& r, const std::string& text) {
  if (r.status == 0) return " did not answer: " + r.transport_error + Advice(r);
  std::string out = " answered HTTP " + std::to_string(r.status);
  return out + (text.empty() ? "" : ": " + text) + Advice(r);
}

ModelFault Redirected(const HttpResponse& r) {
  std::string to = Printable(HeaderOf(r, "location").substr(0, 300));
  return {FaultKind::kRefused,
          "it points to " + (to.empty() ? "no place" : to) +
              ", which is not followed; set OPENAI_BASE_URL to the place that answers",
          {},
          {}};
}

const WireFormat& Chat() { return *FindWireFormat("chat"); }

}  // namespace

bool IsContextOverflow(const Error& error) { return HasReason(error, kContextOverflow); }
bool IsContentRefusal(const Error& error) { return HasReason(error, kContentRefused); }

std::string ChatRequestBody(const ModelConfig& config, const ChatRequest& request) {
  return Chat().Encode(request, {config.model, config.omit, config.output_limit_field});
}

// One Complete while it goes on.
struct ChatClient::Asking {
  Asking(OutageLog& log, Deadline end) : wait(log), deadline(end) {}

  OutageWait wait;
  Deadline deadline;  // of the work, outages not counted
  TimePoint sent{};   // the last request
  int calls = 0;
  int unreadable = 0;
  bool told = false;  // the user, of the outage
  Millis pause{0};    // before the next request
  std::string body;   // of the answer
  std::string where;  // "model 'm' at http://..."

  [[nodiscard]] Deadline Until() const { return Deadline(deadline.at() + wait.waited()); }
};

ChatClient::ChatClient(HttpClient& http, ProviderGate& gate, EventSink& events, ModelConfig config,
                       std::filesystem::path record_dir)
    : http_(http),
      gate_(gate),
      outages_(std::make_unique<OutageLog>(events)),
      config_(std::move(config)),
      sent_(config_),
      record_dir_(std::move(record_dir)),
      provider_(Origin(config_.base_url)) {}

HttpRequest ChatClient::MakeRequest(const ChatRequest& request) const {
  HttpRequest out;
  out.url = Below(config_.base_url, "/chat/completions");
  out.headers = {"Content-Type: application/json", "Accept: text/event-stream", "Expect:"};
  if (!config_.api_key.empty()) out.headers.push_back("Authorization: Bearer " + config_.api_key);
  out.body = ChatRequestBody(sent_, request);
  out.idle = config_.idle_timeout;
  return out;
}

// Waits for its turn and asks once.
Task<HttpResponse> ChatClient::Send(const ChatRequest& request, Asking& asking) {
  asking.wait.Begin();
  Deadline patience = Deadline::In(config_.max_outage - asking.wait.waited());
  std::string provider = provider_, trial = record_dir_.string();
  auto pass = co_await gate_.Enter(std::move(provider), std::move(trial), patience);
  HttpResponse none;
  none.transport_error = "no turn to ask came";
  asking.sent = Deadline::Clock::now();
  if (!pass) co_return none;
  asking.wait.End();
  asking.calls += 1;
  HttpRequest http = MakeRequest(request);
  Deadline until = Deadline::In(config_.request_timeout).Earlier(asking.Until());
  co_return co_await http_.Post(std::move(http), until);
}

tl::expected<ChatReply, ModelFault> ChatClient::Judge(const HttpResponse& r) const {
  ModelFault fault;
  if (r.status == 0) {
    fault.kind = r.lasting ? FaultKind::kRefused : FaultKind::kOutage;
  } else if (r.status < 300 && r.transport_error.empty()) {
    auto reply = DecodeAnswer(Chat(), r.body);
    if (reply) return reply;
    fault = reply.error();
  } else if (r.status < 300) {
    fault.text = "the answer broke off: " + r.transport_error;
  } else if (r.status < 400) {
    fault = Redirected(r);
  } else {
    fault = JudgeError(r.status, r.body);
    if (fault.kind == FaultKind::kOutage && HeaderOf(r, "x-should-retry") == "false")
      fault.kind = FaultKind::kRefused;
  }
  fault.wish = RetryAfter(r.headers);
  fault.text = Describe(r, fault.text);
  return tl::unexpected(std::move(fault));
}

// An outage goes on from the request that met it.
std::optional<Error> ChatClient::WaitOut(const ModelFault& fault, Asking& asking) {
  asking.wait.Begin(asking.sent);
  asking.wait.Because(fault.text);
  Millis pause = gate_.Failed(provider_, fault.wish);
  Millis left = config_.max_outage - asking.wait.waited();
  std::string most = FormatDuration(config_.max_outage) + " (llm.max_outage)";
  std::string text = asking.where + fault.text;
  if (pause > left)
    return Error{ErrorCode::kUnavailable,
                 text + "; it asks to wait " + FormatDuration(pause) + " more after " +
                     FormatDuration(asking.wait.waited()) + "; the most is " + most};
  if (!std::exchange(asking.told, true)) LogWarn(text + "; it is waited for, at most " + most);
  return std::nullopt;
}

// False where it is left out already.
bool ChatClient::LeaveOut(const std::string& field) {
  std::size_t arrow = field.find('>');
  std::string old_name = field.substr(0, arrow);
  if (arrow != std::string::npos && sent_.output_limit_field == old_name) {
    sent_.output_limit_field = field.substr(arrow + 1);
    return true;
  }
  return sent_.omit.insert(old_name).second;
}

// What follows from a fault: an error, or another request after asking.pause.
std::optional<Error> ChatClient::Meet(const ModelFault& fault, Asking& asking) {
  std::string text = asking.where + fault.text;
  asking.pause = Millis(0);
  switch (fault.kind) {
    case FaultKind::kOutage:
      return WaitOut(fault, asking);
    case FaultKind::kUnreadable:
      if (++asking.unreadable >= config_.max_attempts)
        return Error{ErrorCode::kModel,
                     text + " (" + std::to_string(asking.unreadable) + " attempts)"};
      asking.pause = kFirstPause * (1 << std::min(asking.unreadable - 1, 6));
      return std::nullopt;
    case FaultKind::kContent:
      return Error{ErrorCode::kModel, text}.With("reason", kContentRefused);
    case FaultKind::kOverflow:
      return Error{ErrorCode::kModel, text}.With("reason", kContextOverflow);
    case FaultKind::kField:
      if (LeaveOut(fault.field)) return std::nullopt;
      break;
    case FaultKind::kRefused:
      break;
  }
  return Error{ErrorCode::kModel, text};
}

Task<Result<ChatReply>> ChatClient::Ask(const ChatRequest& request, Asking& asking) {
  for (;;) {
    HttpResponse response = co_await Send(request, asking);
    auto reply = Judge(response);
    bool outage = !reply && reply.error().kind == FaultKind::kOutage;
    if (response.status != 0 && !outage) gate_.Served(provider_);
    if (reply) {
      asking.body = std::move(response.body);
      co_return std::move(*reply);
    }
    Error late{ErrorCode::kTimeout, asking.where + reply.error().text + " (time is up)"};
    if (asking.Until().expired()) co_return tl::unexpected(std::move(late));
    if (auto error = Meet(reply.error(), asking)) co_return tl::unexpected(std::move(*error));
    if (asking.pause == Millis(0)) continue;
    Deadline wake = Deadline::In(asking.pause).Earlier(asking.Until());
    co_await SleepUntil(wake);
    if (asking.Until().expired()) co_return tl::unexpected(std::move(late));
  }
}

// Stores the answer under what was asked, before anybody acts on it. A key that came in pieces of a
// stream is found only now, put together.
Status ChatClient::Keep(const std::string& key, std::string body, ChatReply& reply) const {
  HttpRequest sent = MakeRequest({});
  std::vector<std::string> secrets = SecretsOf(sent.url, sent.headers);
  bool found = false;
  std::vector<std::string*> texts = {&reply.content, &reply.refusal};
  for (ToolCall& call : reply.calls) texts.push_back(&call.arguments);
  for (std::string* text : texts) {
    std::string clean = KeyScrubber::Scrub(*text, secrets);
    found = found || clean != *text;
    *text = std::move(clean);
  }
  if (found) body = Chat().EncodeReply(reply);
  return RecordStore(record_dir_).Save(key, body);
}

Task<Result<ChatReply>> ChatClient::Complete(ChatRequest request, Deadline deadline) {
  std::string key = ChatRequestBody(config_, request);
  if (auto known = RecordStore(record_dir_).Find(key)) {
    if (auto reply = DecodeAnswer(Chat(), *known)) {
      reply->replayed = true;
      co_return std::move(*reply);
    }
  }
  TimePoint begun = Deadline::Clock::now();
  Result<ChatReply> reply = Fail(ErrorCode::kInternal, "nothing was asked");
  {
    Asking asking(*outages_, deadline);
    asking.where = "model '" + config_.model + "' at " + ShownUrl(config_.base_url);
    reply = co_await Ask(request, asking);
    if (reply) {
      reply->usage.calls = asking.calls;
      PODIUM_CO_TRY(Keep(key, std::move(asking.body), *reply));
    }
  }
  PODIUM_CO_TRY(outages_->status());
  if (reply) reply->usage.wait = std::chrono::duration_cast<Millis>(Deadline::Clock::now() - begun);
  co_return reply;
}

}  // namespace podium::agents
