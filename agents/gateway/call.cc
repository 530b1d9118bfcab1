#include "agents/gateway/call.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agents/gateway/usage_filter.h"
#include "agents/models/apart.h"
#include "agents/models/wire/decode.h"
#include "base/async/race.h"
#include "base/http/address.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr std::int64_t kMostTokens = 1'000'000'000'000;

std::int64_t Times(std::int64_t a, std::int64_t b) {
  return b > 0 && a > kMostTokens / b ? kMostTokens : a * b;
}

bool Good(int status) { return status >= 200 && status < 300; }

// Refusals that say the same to the same request, whenever it is sent.
bool Final(int status) { return status == 400 || status == 404 || status == 413 || status == 422; }

// What an answer that is no success used: nothing. Of others: what it says.
std::optional<TokenCount> UsedBy(const ModelAnswer& answer) {
  return Good(answer.head.status) ? answer.used : std::optional(TokenCount{});
}

}  // namespace

const Model* CallContext::Find(std::string_view name) const {
  for (const Model& model : options.models) {
    if (model.id == name || std::ranges::find(model.aliases, name) != model.aliases.end())
      return &model;
  }
  return nullptr;
}

const Model* CallContext::FindAt(std::string_view host, std::string_view name) const {
  for (const Model& model : options.models) {
    if (model.upstream_name == name && PublicHost(model.base_url) == host) return &model;
  }
  return Find(name);
}

std::string CallContext::ModelNames() const {
  std::vector<std::string> names;
  for (const Model& model : options.models) names.push_back(model.id);
  return Join(names, ", ");
}

Task<Status> AnswerRefusal(HttpExchange& exchange, const WireFormat& format, Refusal refusal) {
  HttpHeaders headers = {{"Content-Type", "application/json"}, {"x-should-retry", "false"}};
  std::string body = format.ErrorBody(refusal.status, refusal.code, refusal.message);
  co_return co_await exchange.Answer(refusal.status, std::move(headers), std::move(body));
}

Call::Call(CallContext context, Route route, bool events, HttpExchange& exchange)
    : context_(context),
      asked_(*route.format),
      route_(std::move(route)),
      events_(events),
      exchange_(exchange) {}

Call::~Call() {
  call_.reset();
  context_.bytes_under_way -= bytes_;
}

Task<void> Call::Run() {
  if (auto refusal = co_await Prepare()) {
    co_await Refuse(std::move(*refusal));
    co_return;
  }
  auto fault = NextFault();
  if (fault && IsOfTransport(*fault)) {
    co_await Break(*fault);
    co_return;
  }
  if (recorded_) {
    co_await Replay(std::move(*recorded_));
    co_return;
  }
  if (context_.models.options().replay) {
    co_await Miss();
    co_return;
  }
  truncates_ = fault == Injection::kTruncated;
  if (fault && !truncates_) {
    co_await AnswerInstead(*fault);
    co_return;
  }
  if (auto refusal = SetAside()) {
    co_await Refuse(std::move(*refusal));
    co_return;
  }
  co_await AskProvider();
}

Task<void> Call::Refuse(Refusal refusal) {
  context_.models.log().Flag(refusal.code, refusal.message);
  auto told = co_await AnswerRefusal(exchange_, asked_, std::move(refusal));
}

// Of the answer in the agent's format, or in the provider's.
AskShape Call::ShapeFor(const WireFormat& format) const {
  AskShape out{.format = &format, .model = model_->id};
  out.stream = request_.facts.stream || route_.streams;
  out.events = route_.streams ? events_ : out.stream;
  out.tool = request_.facts.tool;
  return out;
}

std::optional<Injection> Call::NextFault() {
  FaultInjector& faults = context_.models.faults();
  if (!faults.any()) return std::nullopt;
  return FaultDraws(faults, faults.NextNumber()).Next(ShapeFor(*route_.format));
}

// An injected fault of transport: nobody is asked, and the agent's client meets it.
Task<void> Call::Break(Injection fault) {
  AskShape shape = ShapeFor(asked_);
  MadeUpAnswer made = MakeUp(fault, shape, context_.options.idle_timeout);
  Deadline deadline = Deadline::In(context_.options.request_timeout);
  co_await call_->Pretend(std::move(made), deadline);
  ModelAnswer& answer = call_->answer();
  if (answer.head.status == 0) co_return;  // without an answer, so that the connection closes
  HttpHeaders headers = PassedHeaders(answer.head.headers);
  if (answer.complete) {
    auto told =
        co_await exchange_.Answer(answer.head.status, std::move(headers), std::move(answer.body));
    co_return;
  }
  auto begun = co_await exchange_.Begin(answer.head.status, std::move(headers));
  if (begun) begun = co_await exchange_.Send(std::move(answer.body));
}

// An injected fault of content: an answer that no model gave, recorded as any other.
Task<void> Call::AnswerInstead(Injection fault) {
  auto refusal = CheckRecord();
  if (!refusal) refusal = Reserve(0, 0);
  if (refusal) {
    co_await Refuse(std::move(*refusal));
    co_return;
  }
  AskShape shape = ShapeFor(*route_.format);
  MadeUpAnswer made = MakeUp(fault, shape, Millis(0));
  Deadline never = Deadline::Never();
  co_await call_->Pretend(std::move(made), never);
  std::string body = call_->answer().body;
  co_await call_->Keep(std::move(body));
  std::optional<TokenCount> nothing(std::in_place);
  co_await call_->Finish("ok", nothing);
  RecordedAnswer answer{.content_type = std::string(AnswerType(shape)),
                        .body = std::move(call_->answer().body)};
  co_await HandOver(std::move(answer));
}

// The model's answer, cut in half once it is whole.
Task<void> Call::PassTruncated() {
  std::function<void()> nobody;
  co_await call_->Receive(std::move(nobody));
  ModelAnswer& answer = call_->answer();
  AskShape shape = ShapeFor(*route_.format);
  auto cut = [&answer, &shape]() -> std::optional<std::string> {
    auto reply = DecodeAnswer(*shape.format, answer.body);
    if (!reply) return std::nullopt;
    Truncate(*reply, *shape.format);
    return AnswerText(*reply, shape);
  };
  auto body = co_await Apart(context_.models, std::move(cut));
  if (!answer.complete || !body) {
    co_await PassReceived();
    co_return;
  }
  std::string kept = *body;
  co_await call_->Keep(std::move(kept));
  co_await call_->Finish("ok", answer.used);
  RecordedAnswer out{.content_type = std::string(AnswerType(shape)), .body = std::move(*body)};
  co_await HandOver(std::move(out));
}

Task<void> Call::Miss() {
  Refusal miss{403, "replay_miss",
               "This trial is replayed from its record, and this request is not in it."};
  std::string difference = co_await call_->Difference();
  context_.models.log().Flag("replay_miss", difference);
  auto told = co_await AnswerRefusal(exchange_, asked_, std::move(miss));
}

Task<std::optional<Refusal>> Call::Prepare() {
  if (auto refusal = CheckSize()) co_return refusal;
  std::string_view bytes = exchange_.request().body;
  ScreenOptions options{context_.options.longest_name, route_.model, &context_.extra_fields};
  auto screen = [format = route_.format, bytes, options] {
    return Screen(*format, bytes, options);
  };
  auto screened = co_await Apart(context_.models, std::move(screen));
  if (!screened) co_return screened.error();
  request_ = std::move(*screened);
  for (const Flag& flag : request_.flags) context_.models.log().Flag(flag.code, flag.detail);
  if (auto refusal = ChooseModel()) co_return refusal;
  if (!model_->Serves(asked_)) {
    auto refusal = co_await Translate();
    if (refusal) co_return refusal;
  }
  std::string body = co_await FinishedBody(request_.facts.output_limit ? 0 : NominalOutput());
  CallTarget target{model_->id,     route_.format, model_->provider, Origin(model_->base_url),
                    model_->prices, model_->limits};
  call_.emplace(context_.models, std::move(target));
  recorded_ = call_->Begin(UpstreamPath(), std::move(body));
  co_return std::nullopt;
}

std::optional<Refusal> Call::CheckSize() {
  std::uint64_t size = exchange_.request().body.size();
  if (size > context_.options.prompt_cap_bytes)
    return Refusal{413, "request_too_large",
                   "A request of " + FormatBytes(size) + " is over this trial's " +
                       FormatBytes(context_.options.prompt_cap_bytes) + "."};
  if (context_.bytes_under_way + size > context_.options.prompts_cap_bytes)
    return Refusal{413, "request_too_large", "Too many large requests are under way at once."};
  context_.bytes_under_way += bytes_ = size;
  if (size > context_.options.prompt_flag_bytes)
    context_.models.log().Flag("large_prompt", std::to_string(size) + " bytes");
  return std::nullopt;
}

std::optional<Refusal> Call::ChooseModel() {
  const std::string& name = route_.model.empty() ? request_.facts.model : route_.model;
  model_ = context_.FindAt(exchange_.request().HostName(), name);
  if (!model_)
    return Refusal{403, "model_not_allowed",
                   "This trial may not use model '" + Printable(name.substr(0, 100)) +
                       "'. It may use: " + context_.ModelNames() + "."};
  bool translated = model_->translate && TranslationOf(asked_, model_->formats);
  if (!model_->Serves(asked_) && !translated)
    return Refusal{403, "model_not_allowed",
                   "Model '" + model_->id + "' is not served at this path (format " +
                       route_.format->name() + ")."};
  return std::nullopt;
}

// From here on the call is one of the model's own format, the record included.
Task<std::optional<Refusal>> Call::Translate() {
  const WireFormat& to = *TranslationOf(asked_, model_->formats);
  auto work = [this, &to] {
    return std::pair(AskOf(to, request_), TranslateRequest(to, request_));
  };
  auto [ask, request] = co_await Apart(context_.models, std::move(work));
  if (!request) co_return request.error();
  for (const Flag& flag : request->flags) context_.models.log().Flag(flag.code, flag.detail);
  context_.models.log().Flag("translated", model_->id + ": " + asked_.name() + " to " + to.name());
  request_ = std::move(*request);
  translation_ = std::move(ask);
  events_ = request_.facts.stream;
  route_ = Route{&to, route_.model, request_.facts.stream};
  co_return std::nullopt;
}

Task<TranslatedAnswer> Call::Translated(int status, std::string_view body) const {
  auto work = [this, status, body] {
    return TranslateAnswer(*route_.format, *translation_, status, body);
  };
  co_return co_await Apart(context_.models, std::move(work));
}

// What an answer may have where its request does not say; 0 where answers have no tokens.
std::int64_t Call::NominalOutput() const {
  const WireTraits& traits = route_.format->traits();
  if (!traits.answers) return 0;
  return traits.default_output > 0 ? traits.default_output : model_->max_output_tokens;
}

std::string Call::UpstreamPath() const {
  auto own = model_->paths.find(route_.format->name());
  if (own != model_->paths.end()) return own->second;
  return route_.format->UpstreamPath(route_, model_->upstream_name, events_);
}

bool Call::HidesUsage() const { return request_.facts.stream && !request_.facts.wants_usage; }

Task<std::string> Call::FinishedBody(std::int64_t output_limit) const {
  Finish finish{model_->upstream_name, model_->output_limit_field, output_limit};
  auto write = [this, finish] { return FinishBody(*route_.format, request_, finish); };
  co_return co_await Apart(context_.models, std::move(write));
}

std::optional<Refusal> Call::CheckRecord() const {
  TrialModels& models = context_.models;
  if (models.recorder().bytes() <= models.options().record_cap_bytes) return std::nullopt;
  return Refusal{
      403, "record_full",
      "What this trial has asked and been answered takes as much of the disk as it may."};
}

std::optional<Refusal> Call::SetAside() {
  TrialModels& models = context_.models;
  if (auto full = CheckRecord()) return full;
  if (route_.format->traits().free) return Reserve(0, 0);
  std::int64_t input =
      MostInput(request_, context_.options.bytes_per_token, model_->context_tokens);
  std::int64_t output = 0;
  TokenPrices prices = model_->prices.value_or(TokenPrices{});
  if (request_.facts.output_limit && route_.format->traits().answers) {
    output = Times(*request_.facts.output_limit, request_.facts.answers);
  } else if (std::int64_t nominal = NominalOutput(); nominal > 0) {
    std::int64_t all = Times(nominal, request_.facts.answers);
    std::int64_t left = models.ledger().AffordableOutput(input, prices, all);
    output_limit_ = std::max<std::int64_t>(1, left / request_.facts.answers);
    output = Times(output_limit_, request_.facts.answers);
  }
  return Reserve(input, output);
}

std::optional<Refusal> Call::Reserve(std::int64_t input, std::int64_t output) {
  std::string_view lacking = call_->Reserve(input, output);
  if (lacking.empty()) return std::nullopt;
  return Refusal{403, "budget_exhausted",
                 "What is left of this trial's budget of " + std::string(lacking) +
                     " does not hold this request, which could use up to " + std::to_string(input) +
                     " tokens of prompt and " + std::to_string(output) + " of answer."};
}

HttpRequest Call::MakeRequest(std::string body) {
  std::vector<Flag> flags;
  HttpRequest out = UpstreamRequest(route_, *model_, UpstreamPath(), context_.keys.at(model_->id),
                                    exchange_.request(), std::move(body), flags);
  if (request_.facts.stream || route_.streams) out.idle = context_.options.idle_timeout;
  for (const Flag& flag : flags) context_.models.log().Flag(flag.code, flag.detail);
  return out;
}

Task<void> Call::AskProvider() {
  Deadline deadline = Deadline::In(context_.options.request_timeout);
  bool turn = co_await call_->Enter(deadline);
  if (turn) {
    std::string body = co_await FinishedBody(output_limit_);
    HttpRequest request = MakeRequest(std::move(body));
    request_.body = {};
    co_await call_->Send(std::move(request), deadline);
  }
  const ModelAnswer& answer = call_->answer();
  int status = answer.head.status;
  bool later = status == 429 || status >= 500;
  if (later && answer.wish) context_.models.gate().Hold(call_->target().origin, *answer.wish);
  if (status == 401) context_.models.log().Flag("upstream_refused_key", model_->key_env);
  if (status == 0)
    co_await Unreachable();
  else if (status >= 300 && status < 400)
    co_await Redirected();
  else
    co_await PassOn();
}

Task<void> Call::Unreachable() {
  const HttpHead& head = call_->answer().head;
  std::optional<TokenCount> used;
  if (!head.sent) used.emplace();
  co_await call_->Finish("unreachable", used);
  std::string why = "The model's server did not answer: " + head.transport_error;
  HttpHeaders headers = {{"Content-Type", "application/json"}};
  std::string body = asked_.ErrorBody(502, "upstream_unreachable", why);
  auto told = co_await exchange_.Answer(502, std::move(headers), std::move(body));
}

Task<void> Call::Redirected() {
  co_await call_->Finish("redirect", TokenCount{});
  Refusal refusal{502, "upstream_redirect",
                  "The model's server points elsewhere, and is not followed."};
  std::string_view to = HeaderOf(call_->answer().head.headers, "location");
  context_.models.log().Flag(refusal.code, model_->id + " to " + std::string(to));
  auto told = co_await AnswerRefusal(exchange_, asked_, std::move(refusal));
}

Task<void> Call::PassOn() {
  bool good = Good(call_->answer().head.status);
  if (good && truncates_)
    co_await PassTruncated();
  else if (good && call_->answer().events)
    co_await PassEvents();
  else
    co_await PassWhole();
}

// The provider is read as fast as it sends, the agent is sent what it takes.
Task<void> Call::PassEvents() {
  changed_.emplace(co_await boost::asio::this_coro::executor);
  auto ended = co_await Race(Receive(), Deliver());
  if (ended.index() == 0) LogError("a call ended before its answer was handed on");
}

Task<void> Call::Changed() {
  changed_->expires_at(Deadline::Never().at());
  boost::system::error_code ec;
  co_await changed_->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ec));
}

// Ends by cancellation alone, once all is handed on or nobody takes it.
Task<void> Call::Receive() {
  std::function<void()> wake = [this] { changed_->cancel(); };
  co_await call_->Receive(std::move(wake));
  const ModelAnswer& answer = call_->answer();
  if (answer.complete && !answer.failed) {
    std::string body = answer.body;
    co_await call_->Keep(std::move(body));
  }
  std::string_view end = !answer.complete ? "cut" : answer.failed ? "error_event" : "ok";
  co_await call_->Finish(end, answer.complete ? answer.used : std::nullopt);
  received_ = true;
  for (;;) {
    changed_->cancel();
    Deadline never = Deadline::Never();
    co_await SleepUntil(never);
  }
}

Task<void> Call::Deliver() {
  const ModelAnswer& answer = call_->answer();
  HttpHeaders headers = PassedHeaders(answer.head.headers);
  auto sent = co_await exchange_.Begin(answer.head.status, std::move(headers));
  UsageFilter filter(*route_.format);
  std::optional<TranslatedStream> translated;
  if (translation_) translated.emplace(*route_.format, *translation_);
  bool hides = HidesUsage();
  for (std::size_t at = 0; sent && (at < answer.body.size() || !received_);) {
    if (at == answer.body.size()) {
      co_await Changed();
      continue;
    }
    std::string piece = answer.body.substr(at);
    at = answer.body.size();
    if (translated)
      piece = translated->Add(piece);
    else if (hides)
      piece = filter.Add(piece);
    if (!piece.empty()) sent = co_await exchange_.Send(std::move(piece));
  }
  std::string rest = filter.End();
  if (translated && answer.complete) rest = translated->End();
  if (sent && !rest.empty()) sent = co_await exchange_.Send(std::move(rest));
  if (!sent) co_await call_->Finish("client_gone", std::nullopt);
  if (!sent || !answer.complete) co_return;  // without an end, so that the client knows
  auto ended = co_await exchange_.End();
}

// Some providers say in no header how long to wait.
void Call::HoldForBody(const ModelAnswer& answer) const {
  int status = answer.head.status;
  if (answer.wish || (status != 429 && status < 500)) return;
  auto delay = JudgeError(status, answer.body).wish;
  if (delay) context_.models.gate().Hold(call_->target().origin, *delay);
}

Task<void> Call::PassWhole() {
  std::function<void()> nobody;
  co_await call_->Receive(std::move(nobody));
  co_await PassReceived();
}

Task<void> Call::PassReceived() {
  ModelAnswer& answer = call_->answer();
  int status = answer.head.status;
  if (!answer.complete) {
    std::optional<TokenCount> used;
    if (!Good(status)) used.emplace();
    co_await call_->Finish("cut", used);
    Refusal refusal{502, "upstream_cut", "The model's answer broke off."};
    auto told = co_await AnswerRefusal(exchange_, asked_, std::move(refusal));
    co_return;
  }
  HoldForBody(answer);
  if (Good(status) || Final(status)) {
    std::string body = answer.body;
    co_await call_->Keep(std::move(body));
  }
  co_await call_->Finish("ok", UsedBy(answer));
  HttpHeaders headers = PassedHeaders(answer.head.headers);
  if (translation_) {
    auto translated = co_await Translated(status, answer.body);
    status = translated.status;
    answer.body = std::move(translated.body);
  }
  auto told = co_await exchange_.Answer(status, std::move(headers), std::move(answer.body));
}

// A recorded answer of the model's format as the agent is to have it.
Task<void> Call::TranslateRecorded(RecordedAnswer& answer) const {
  if (answer.content_type.starts_with("text/event-stream")) {
    TranslatedStream stream(*route_.format, *translation_);
    std::string out = stream.Add(answer.body);
    answer.body = out + stream.End();
    co_return;
  }
  auto translated = co_await Translated(answer.status, answer.body);
  answer.status = translated.status;
  answer.body = std::move(translated.body);
}

Task<void> Call::Replay(RecordedAnswer answer) {
  co_await call_->Replayed(answer);
  co_await HandOver(std::move(answer));
}

// A whole answer of the model's format, to the agent.
Task<void> Call::HandOver(RecordedAnswer answer) {
  HttpHeaders headers = {{"Content-Type", answer.content_type}};
  if (translation_) {
    co_await TranslateRecorded(answer);
  } else if (HidesUsage()) {
    UsageFilter filter(*route_.format);
    std::string shown = filter.Add(answer.body);
    answer.body = shown + filter.End();
  }
  auto told = co_await exchange_.Answer(answer.status, std::move(headers), std::move(answer.body));
}

}  // namespace podium::agents
