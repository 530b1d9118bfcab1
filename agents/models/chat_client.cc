#include "agents/models/chat_client.h"

#include <algorithm>
#include <utility>

#include "agents/models/apart.h"
#include "agents/models/record_store.h"
#include "agents/models/wire/decode.h"
#include "agents/models/wire/registry.h"
#include "base/deadlines.h"
#include "base/http/address.h"
#include "base/http/key_scrubber.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr const char* kContextOverflow = "context_overflow";
constexpr const char* kContentRefused = "content_refused";
constexpr const char* kBudgetExhausted = "budget_exhausted";
constexpr std::int64_t kTokensOfTemplate = 1'000;  // what providers put around prompts and tools

// An end without a word, a call or a refusal: more often a server's trouble than a model's answer.
bool SaysNothing(const ChatReply& reply) {
  bool other = reply.stop == StopReason::kLength || reply.stop == StopReason::kRefused;
  return !other && reply.calls.empty() && reply.refusal.empty() && Trim(reply.content).empty();
}

bool HasReason(const Error& error, const char* reason) {
  std::pair<std::string, std::string> wanted("reason", reason);
  return std::ranges::find(error.context, wanted) != error.context.end();
}

std::string HeaderNamed(const HttpHead& head, std::string_view name) {
  auto found = std::ranges::find(head.headers, name, &HeaderList::value_type::first);
  return found == head.headers.end() ? std::string() : found->second;
}

std::string Advice(const HttpHead& r) {
  if (r.status == 401 || r.status == 403) return ". Check OPENAI_API_KEY.";
  if (r.status == 404)
    return ". Check OPENAI_BASE_URL (it should end in /v1) and the model's name.";
  if (r.status == 0) return ". Is the server up? OPENAI_BASE_URL says where it is looked for.";
  return "";
}

// What the server did, for a person.
std::string Describe(const HttpHead& r, const std::string& text) {
  if (r.status == 0) return " did not answer: " + r.transport_error + Advice(r);
  std::string out = " answered HTTP " + std::to_string(r.status);
  return out + (text.empty() ? "" : ": " + text) + Advice(r);
}

ModelFault Redirected(const HttpHead& r) {
  std::string to = Printable(HeaderNamed(r, "location").substr(0, 300));
  return {FaultKind::kRefused,
          "it points to " + (to.empty() ? "no place" : to) +
              ", which is not followed; set OPENAI_BASE_URL to the place that answers",
          {},
          {}};
}

}  // namespace

bool IsContextOverflow(const Error& error) { return HasReason(error, kContextOverflow); }
bool IsContentRefusal(const Error& error) { return HasReason(error, kContentRefused); }
bool IsBudgetExhausted(const Error& error) { return HasReason(error, kBudgetExhausted); }

// One Complete while it goes on.
struct ChatClient::Asking {
  Asking(ModelCall& c, TrialModels& models, Deadline end, std::int64_t number)
      : call(c), wait(models.outages()), deadline(end), faults(models.faults(), number) {}

  ModelCall& call;
  OutageWait wait;
  Deadline deadline;  // of the work, outages not counted
  int requests = 0;
  int unreadable = 0;
  bool blank = false;  // an answer without a word was asked for again
  bool told = false;   // the user, of the outage
  Millis pause{0};     // before the next request
  std::string where;   // "model 'm' at http://..."
  FaultDraws faults;
  bool truncates = false;  // its answer is to be cut

  [[nodiscard]] Deadline Until() const { return Deadline(deadline.at() + wait.waited()); }
};

ChatClient::ChatClient(TrialModels& models, ModelConfig config)
    : models_(models),
      config_(std::move(config)),
      sent_(config_),
      format_(FindWireFormat(config_.format)) {}

CallTarget ChatClient::Target() const {
  CallTarget out;
  out.model = config_.id.empty() ? config_.model : config_.id;
  out.format = format_;
  out.provider = config_.provider.empty() ? "own" : config_.provider;
  out.origin = Origin(config_.base_url);
  out.prices = config_.prices;
  out.limits = config_.limits;
  return out;
}

EncodeOptions ChatClient::Writing(const ModelConfig& config) const {
  return {config.model, config.omit, config.output_limit_field, config.reasoning_effort,
          config.by_schema};
}

std::string ChatClient::Path() const {
  if (!config_.path.empty()) return config_.path;
  bool streams = !config_.omit.contains("stream");
  Route route{format_, config_.model, streams};
  return format_->UpstreamPath(route, config_.model, streams);
}

HttpRequest ChatClient::MakeRequest(const ChatRequest& request) const {
  HttpRequest out;
  out.url = Below(config_.base_url, Path());
  out.headers = {"Content-Type: application/json", "Accept: text/event-stream", "Expect:"};
  if (!config_.api_key.empty())
    out.headers.push_back(KeyHeader(format_->traits(), config_.key_header, config_.api_key));
  out.headers.insert(out.headers.end(), config_.headers.begin(), config_.headers.end());
  std::vector<std::string> dropped;
  format_->AddHeaders({}, out.headers, dropped);
  out.body = format_->Encode(request, Writing(sent_));
  out.idle = config_.idle_timeout;
  return out;
}

AskShape ChatClient::ShapeOf(const ChatRequest& request) const {
  AskShape out{.format = format_, .model = config_.id.empty() ? config_.model : config_.id};
  out.stream = out.events = !config_.omit.contains("stream");
  out.tool = request.forced_tool;
  if (out.tool.empty() && !request.tools.empty()) out.tool = request.tools.front().name;
  return out;
}

// Waits for its turn and asks once, or meets an injected fault.
Task<void> ChatClient::Send(const ChatRequest& request, Asking& asking) {
  ModelCall& call = asking.call;
  AskShape shape = ShapeOf(request);
  auto fault = asking.faults.Next(shape);
  asking.truncates = asking.truncates || fault == Injection::kTruncated;
  if (fault && fault != Injection::kTruncated) {
    MadeUpAnswer made = MakeUp(*fault, shape, config_.idle_timeout);
    co_await call.Pretend(std::move(made), asking.Until());
    co_return;
  }
  asking.wait.Begin();
  Deadline patience = Deadline::In(config_.max_outage - asking.wait.waited());
  bool turn = co_await call.Enter(patience, &asking.wait);
  if (!turn) co_return;
  asking.requests += 1;
  HttpRequest http = MakeRequest(request);
  Deadline until = Deadline::In(config_.request_timeout).Earlier(asking.Until());
  co_await call.Send(std::move(http), until);
  std::function<void()> nobody;
  if (call.answer().head.status != 0) co_await call.Receive(std::move(nobody));
}

Task<ChatClient::Judged> ChatClient::Decode(const ModelAnswer& answer) const {
  auto decode = [this, &answer] { return DecodeAnswer(*format_, answer.body); };
  if (answer.body.size() <= kReadOnLoop) co_return decode();
  co_return co_await Apart(models_, std::move(decode));
}

Task<ChatClient::Judged> ChatClient::Judge(const ModelAnswer& answer) const {
  const HttpHead& head = answer.head;
  ModelFault fault;
  if (answer.made_up && !answer.complete) {
    fault.text = "the answer broke off (injected)";
  } else if (head.status == 0) {
    fault.kind = head.lasting ? FaultKind::kRefused : FaultKind::kOutage;
  } else if (head.status < 300 && head.transport_error.empty()) {
    auto reply = co_await Decode(answer);
    if (reply) co_return reply;
    fault = reply.error();
  } else if (head.status < 300) {
    fault.text = "the answer broke off: " + head.transport_error;
  } else if (head.status < 400) {
    fault = Redirected(head);
  } else {
    fault = JudgeError(head.status, answer.body);
    std::string again = HeaderNamed(head, "x-should-retry");
    if (fault.kind == FaultKind::kOutage && again == "false") fault.kind = FaultKind::kRefused;
    if (again == "true" && !fault.bill) fault.kind = FaultKind::kOutage;
    fault.for_user = fault.bill || head.status == 401 || head.status == 403 || head.status == 404;
  }
  if (answer.wish) fault.wish = answer.wish;
  fault.text = Describe(head, fault.text);
  co_return tl::unexpected(std::move(fault));
}

// An outage goes on from the request that met it.
std::optional<Error> ChatClient::WaitOut(const ModelFault& fault, Asking& asking) {
  asking.wait.Begin(asking.call.sent_at());
  asking.wait.Because(fault.text);
  asking.call.LeaveTurn();
  Millis pause = models_.gate().Failed(asking.call.target().origin, fault.wish);
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

// What follows from a fault: an error, or another request after asking.pause. A request that was
// refused has cost nothing; one whose answer cannot be read may have cost all that it could.
Task<std::optional<Error>> ChatClient::Meet(ModelFault fault, Asking& asking) {
  std::string text = asking.where + fault.text;
  asking.pause = Millis(0);
  if (asking.call.answer().made_up) {
    asking.pause = fault.wish.value_or(kUnreadablePause);
    co_return std::nullopt;
  }
  if (fault.kind == FaultKind::kOutage) co_return WaitOut(fault, asking);
  if (fault.kind == FaultKind::kUnreadable) {
    co_await asking.call.Finish("unreadable", std::nullopt);
    asking.pause = kUnreadablePause * (1 << std::min(asking.unreadable, 6));
    if (++asking.unreadable < config_.max_attempts) co_return std::nullopt;
    co_return Error{ErrorCode::kModel,
                    text + " (" + std::to_string(asking.unreadable) + " attempts)"};
  }
  if (fault.kind == FaultKind::kField && LeaveOut(fault.field)) {
    asking.call.Release();  // without that field the call may be a dearer one
    co_return std::nullopt;
  }
  co_await asking.call.Finish("refused", TokenCount{});
  Error error{ErrorCode::kModel, text};
  if (fault.kind == FaultKind::kContent) co_return std::move(error).With("reason", kContentRefused);
  if (fault.kind == FaultKind::kOverflow)
    co_return std::move(error).With("reason", kContextOverflow);
  if (fault.for_user) error.context.push_back(kForUser);
  co_return error;
}

// Sets the call's part of the budget aside, unless it is.
std::optional<Error> ChatClient::Afford(const ChatRequest& request, Asking& asking) const {
  if (asking.call.open()) return std::nullopt;
  std::string body = format_->Encode(request, Writing(sent_));
  std::int64_t input = static_cast<std::int64_t>(body.size()) + kTokensOfTemplate;
  if (config_.context_tokens > 0) input = std::min(input, config_.context_tokens);
  std::int64_t output = MostOutput(request, body);
  std::string_view lacking = asking.call.Reserve(input, output);
  if (lacking.empty()) return std::nullopt;
  std::string text = "what is left of the trial's budget of " + std::string(lacking) +
                     " does not hold the next call, which could use up to " +
                     std::to_string(input) + " tokens of prompt and " + std::to_string(output) +
                     " of answer";
  return Error{ErrorCode::kModel, text}.With("reason", kBudgetExhausted);
}

// As the request limits it; where no limit is sent (llm.omit, a server that does not take it), the
// model's longest.
std::int64_t ChatClient::MostOutput(const ChatRequest& request, const std::string& body) const {
  auto json = ParseJson(body, "the request");
  std::optional<std::int64_t> sent;
  if (json) sent = format_->FactsOf(*json).output_limit;
  return sent.value_or(std::max<std::int64_t>(request.max_tokens, config_.max_output_tokens));
}

// An answer without a word is asked for once more; a second one is the model's.
bool ChatClient::IsBlank(const ChatReply& reply, Asking& asking) const {
  bool again = !std::exchange(asking.blank, true) && asking.unreadable + 1 < config_.max_attempts;
  if (!SaysNothing(reply) || !again) return false;
  int before = asking.call.answer().made_up ? 0 : asking.unreadable++;
  asking.pause = kUnreadablePause * (1 << std::min(before, 6));
  return true;
}

// An answer, cut where it is to be.
ChatReply ChatClient::Received(ChatReply reply, Asking& asking) const {
  if (!asking.truncates) return reply;
  Truncate(reply, *format_);
  asking.call.answer().body = format_->EncodeReply(reply);
  return reply;
}

Task<Result<ChatReply>> ChatClient::Ask(const ChatRequest& request, Asking& asking) {
  for (;;) {
    if (auto error = Afford(request, asking)) co_return tl::unexpected(std::move(*error));
    co_await Send(request, asking);
    auto reply = co_await Judge(asking.call.answer());
    bool outage = !reply && reply.error().kind == FaultKind::kOutage;
    bool made_up = asking.call.answer().made_up;
    if (asking.call.answer().head.status != 0 && !outage && !made_up)
      models_.gate().Served(asking.call.target().origin);
    bool blank = reply && IsBlank(*reply, asking);
    if (reply && !blank) co_return Received(std::move(*reply), asking);
    if (made_up) asking.call.Release();
    if (blank) {
      std::optional<TokenCount> used;
      if (reply->usage_known) used = reply->tokens;
      co_await asking.call.Finish("blank", used);
      reply = tl::unexpected(ModelFault{FaultKind::kUnreadable, " said nothing", {}, {}});
    }
    Error late{ErrorCode::kTimeout, asking.where + reply.error().text + " (time is up)"};
    if (asking.Until().expired()) co_return tl::unexpected(std::move(late));
    std::optional<Error> error;
    if (!blank) error = co_await Meet(std::move(reply).error(), asking);
    if (error) co_return tl::unexpected(std::move(*error));
    if (asking.pause == Millis(0)) continue;
    Deadline wake = Deadline::In(asking.pause).Earlier(asking.Until());
    co_await SleepUntil(wake);
    if (asking.Until().expired()) co_return tl::unexpected(std::move(late));
  }
}

// Puts the answer into the record before anybody acts on it. A key that came in pieces of a stream
// is found only now, put together.
Task<void> ChatClient::Keep(ChatReply& reply, ModelCall& call) const {
  HttpRequest sent = MakeRequest({});
  std::vector<std::string> secrets = SecretsOf(sent.url, sent.headers);
  bool found = false;
  std::vector<std::string*> texts = {&reply.content, &reply.refusal, &reply.reasoning, &reply.echo};
  for (ToolCall& tool : reply.calls) texts.push_back(&tool.arguments);
  for (std::string* text : texts) {
    std::string clean = KeyScrubber::Scrub(*text, secrets);
    found = found || clean != *text;
    *text = std::move(clean);
  }
  std::string body = found ? format_->EncodeReply(reply) : std::move(call.answer().body);
  co_await call.Keep(std::move(body));
}

// What a run recorded before calls had numbers: the answer to exactly this request.
std::optional<RecordedAnswer> ChatClient::OldRecord(const ChatRequest& request,
                                                    const ModelCall& call) const {
  if (call.turn()->number != 0) return std::nullopt;
  ModelConfig old = config_;
  old.output_limit_field = config_.old_limit_field;
  RecordStore store(models_.options().record_dir);
  auto body = store.Find(FindWireFormat("chat")->Encode(request, Writing(old)));
  if (!body) return std::nullopt;
  return RecordedAnswer{200, "", std::move(*body)};
}

Task<Result<ChatReply>> ChatClient::Complete(ChatRequest request, Deadline deadline) {
  ModelCall call(models_, Target());
  std::int64_t number = request.number ? *request.number : models_.faults().NextNumber();
  auto known = call.Begin(Path(), format_->Encode(request, Writing(config_)));
  const WireFormat* spoken = format_;
  if (!known) {
    known = OldRecord(request, call);
    spoken = FindWireFormat("chat");
  }
  if (known) {
    if (auto reply = DecodeAnswer(*spoken, known->body)) {
      reply->replayed = true;
      NoteFaults(request, number);
      if (spoken == format_)
        reply->kept = {call.turn()->digest, known->digest, std::string(format_->traits().name)};
      co_await call.Replayed(*known);
      co_return std::move(*reply);
    }
  }
  if (models_.options().replay) {
    std::string difference = co_await call.Difference();
    co_return Fail(ErrorCode::kReplay, "the trial is replayed from its record, and model '" +
                                           config_.model +
                                           "' is asked what is not in it: " + difference);
  }
  co_return co_await AskAnew(request, number, call, deadline);
}

// Those that the recorded answer was asked through.
void ChatClient::NoteFaults(const ChatRequest& request, std::int64_t number) {
  AskShape shape = ShapeOf(request);
  FaultDraws draws(models_.faults(), number);
  while (draws.Next(shape)) {
  }
}

Task<Result<ChatReply>> ChatClient::AskAnew(const ChatRequest& request, std::int64_t number,
                                            ModelCall& call, Deadline deadline) {
  auto begun = SteadyNow();
  Result<ChatReply> reply = Fail(ErrorCode::kInternal, "nothing was asked");
  {
    Asking asking(call, models_, deadline, number);
    asking.where = "model '" + config_.model + "' at " + ShownUrl(config_.base_url);
    reply = co_await Ask(request, asking);
    if (reply) {
      reply->usage.calls = asking.requests;
      co_await Keep(*reply, call);
      reply->kept = call.KeptAnswer();
    }
  }
  std::optional<TokenCount> used;
  if (reply && reply->usage_known) used = reply->tokens;
  // A request that no provider served is no part of a budget; whose answer time cut off may be.
  const HttpHead& head = call.answer().head;
  bool served = head.status == 0 ? head.sent : head.status < 300;
  if (!reply && (reply.error().code == ErrorCode::kUnavailable || !served))
    call.Release();
  else
    co_await call.Finish(reply ? "ok" : "cut", used);
  PODIUM_CO_TRY(co_await models_.Flush());
  if (reply) reply->usage.wait = Since(begun);
  co_return reply;
}

Result<ChatReply> ReadKeptReply(const std::filesystem::path& record_dir,
                                const records::AnswerRef& kept) {
  const WireFormat* format = FindWireFormat(kept.format);
  if (!format)
    return Fail(ErrorCode::kConfig, "an answer is recorded in the wire format '" +
                                        Printable(kept.format) + "', which this Podium lacks");
  RecordStore store(record_dir);
  PODIUM_TRY(store.Check(kept.record, kept.answer));
  PODIUM_ASSIGN(auto text, store.Answer(kept.record));
  std::size_t line = text.find('\n');  // after what the answer's head was
  auto body =
      line == std::string::npos ? std::string_view() : std::string_view(text).substr(line + 1);
  auto reply = DecodeAnswer(*format, body);
  if (!reply) return Fail(ErrorCode::kIo, "the recorded answer " + kept.record + " cannot be read");
  reply->replayed = true;
  reply->kept = kept;
  return std::move(*reply);
}

}  // namespace podium::agents
