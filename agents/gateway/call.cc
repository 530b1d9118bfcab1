#include "agents/gateway/call.h"

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/http/address.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

namespace podium::agents {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kLargestAnswer = 64 << 20;
constexpr std::int64_t kMostTokens = 1'000'000'000'000;

Millis Since(SteadyClock::time_point start) {
  return std::chrono::duration_cast<Millis>(SteadyClock::now() - start);
}

std::int64_t Times(std::int64_t a, std::int64_t b) {
  return b > 0 && a > kMostTokens / b ? kMostTokens : a * b;
}

bool Good(int status) { return status >= 200 && status < 300; }

// Refusals that say the same to the same request, whenever it is sent.
bool Final(int status) { return status == 400 || status == 404 || status == 413 || status == 422; }

// Never on the loop, one at a time of a trial, and then as long a rest: what an agent sends costs
// the host half a core at most, and other trials nothing.
template <class F>
Task<std::invoke_result_t<F>> Apart(const CallContext& context, F function) {
  auto place = co_await context.parsing.Enter();
  Deadline::Clock::duration worked{};
  auto timed = [&worked, function = std::move(function)]() mutable {
    auto begun = Deadline::Clock::now();
    auto out = function();
    worked = Deadline::Clock::now() - begun;
    return out;
  };
  auto out = co_await context.reactor.Blocking(std::move(timed), Pool::kTransfer);
  place.Rest(Deadline(Deadline::Clock::now() + worked));
  co_return out;
}

}  // namespace

const Model* CallContext::Find(std::string_view name) const {
  for (const Model& model : options.models) {
    if (model.id == name || std::ranges::find(model.aliases, name) != model.aliases.end())
      return &model;
  }
  return nullptr;
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
      route_(std::move(route)),
      events_(events),
      exchange_(exchange),
      begun_(SteadyClock::now()) {}

Call::~Call() {
  if (reservation_) Settle(std::nullopt);
  if (open_) Close("cancelled");
  LeaveTurn();
  if (turn_ && !kept_) context_.recorder.Abandon(*turn_);
  context_.bytes_under_way -= bytes_;
}

Task<void> Call::Run() {
  if (auto refusal = co_await Prepare()) {
    co_await Refuse(std::move(*refusal));
    co_return;
  }
  if (auto known = context_.recorder.Find(*turn_)) {
    co_await Replay(std::move(*known));
    co_return;
  }
  if (context_.options.replay) {
    Refusal miss{403, "replay_miss",
                 "This trial is replayed from its record, and this request is not in it."};
    auto compare = [&recorder = context_.recorder, turn = *turn_] {
      return recorder.Difference(turn);
    };
    std::string difference = co_await Apart(context_, std::move(compare));
    context_.log.Flag("replay_miss", difference);
    auto told = co_await AnswerRefusal(exchange_, *route_.format, std::move(miss));
    co_return;
  }
  if (context_.recorder.bytes() > context_.options.record_cap_bytes) {
    Refusal full{
        403, "record_full",
        "What this trial has asked and been answered takes as much of the disk as it may."};
    co_await Refuse(std::move(full));
    co_return;
  }
  if (auto refusal = SetAside()) {
    co_await Refuse(std::move(*refusal));
    co_return;
  }
  co_await AskProvider();
}

Task<void> Call::Refuse(Refusal refusal) {
  context_.log.Flag(refusal.code, refusal.message);
  auto told = co_await AnswerRefusal(exchange_, *route_.format, std::move(refusal));
}

Task<std::optional<Refusal>> Call::Prepare() {
  if (auto refusal = CheckSize()) co_return refusal;
  std::string_view bytes = exchange_.request().body;
  auto screen = [format = route_.format, bytes, longest = context_.options.longest_name] {
    return Screen(*format, bytes, longest);
  };
  auto screened = co_await Apart(context_, std::move(screen));
  if (!screened) co_return screened.error();
  request_ = std::move(*screened);
  for (const Flag& flag : request_.flags) context_.log.Flag(flag.code, flag.detail);
  if (auto refusal = ChooseModel()) co_return refusal;
  std::string path = route_.format->UpstreamPath(route_, model_->upstream_name, events_);
  std::string body = co_await FinishedBody(request_.facts.output_limit ? 0 : NominalOutput());
  turn_ = context_.recorder.Begin(model_->provider + path, std::move(body));
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
    context_.log.Flag("large_prompt", std::to_string(size) + " bytes");
  return std::nullopt;
}

std::optional<Refusal> Call::ChooseModel() {
  const std::string& name = route_.model.empty() ? request_.facts.model : route_.model;
  model_ = context_.Find(name);
  if (!model_)
    return Refusal{403, "model_not_allowed",
                   "This trial may not use model '" + Printable(name.substr(0, 100)) +
                       "'. It may use: " + context_.ModelNames() + "."};
  if (!model_->Serves(*route_.format))
    return Refusal{403, "model_not_allowed",
                   "Model '" + model_->id + "' is not served at this path (format " +
                       route_.format->name() + ")."};
  return std::nullopt;
}

// What an answer may have where its request does not say; 0 where answers have no tokens.
std::int64_t Call::NominalOutput() const {
  const WireTraits& info = route_.format->traits();
  if (!info.answers) return 0;
  return info.default_output > 0 ? info.default_output : model_->max_output_tokens;
}

Task<std::string> Call::FinishedBody(std::int64_t output_limit) const {
  Finish finish{model_->upstream_name, model_->output_limit_field, output_limit};
  auto write = [this, finish] { return FinishBody(*route_.format, request_, finish); };
  co_return co_await Apart(context_, std::move(write));
}

std::optional<Refusal> Call::SetAside() {
  Ask ask{.prices = model_->prices};
  ask.input = MostInput(request_, context_.options.bytes_per_token, model_->context_tokens);
  if (request_.facts.output_limit && route_.format->traits().answers) {
    ask.output = Times(*request_.facts.output_limit, request_.facts.answers);
  } else if (std::int64_t nominal = NominalOutput(); nominal > 0) {
    std::int64_t all = Times(nominal, request_.facts.answers);
    std::int64_t left = context_.ledger.AffordableOutput(ask.input, ask.prices, all);
    output_limit_ = std::max<std::int64_t>(1, left / request_.facts.answers);
    ask.output = Times(output_limit_, request_.facts.answers);
  }
  auto reserved = context_.ledger.Reserve(ask);
  if (!reserved)
    return Refusal{403, "budget_exhausted",
                   "What is left of this trial's budget of " + std::string(reserved.error()) +
                       " does not hold this request, which could use up to " +
                       std::to_string(ask.input) + " tokens of prompt and " +
                       std::to_string(ask.output) + " of answer."};
  reservation_.emplace(std::move(*reserved));
  open_ = true;
  return std::nullopt;
}

HttpRequest Call::MakeRequest(std::string body) {
  std::string path = route_.format->UpstreamPath(route_, model_->upstream_name, events_);
  std::vector<Flag> flags;
  HttpRequest out = UpstreamRequest(route_, *model_, path, context_.keys.at(model_->id),
                                    exchange_.request(), std::move(body), flags);
  if (request_.facts.stream || route_.streams) out.idle = context_.options.idle_timeout;
  for (const Flag& flag : flags) context_.log.Flag(flag.code, flag.detail);
  return out;
}

// False where no turn came in time.
Task<bool> Call::TakeTurn(Deadline deadline) {
  struct Waiting {
    BlockedTime& blocked;
    bool entered = false;
    ~Waiting() { entered ? blocked.Enter() : blocked.GiveUp(); }
  };
  context_.blocked.Wait();
  Waiting waiting{context_.blocked};
  std::string provider = Origin(model_->base_url), trial = context_.options.record_dir.string();
  auto pass = co_await context_.gate.Enter(std::move(provider), std::move(trial), deadline);
  if (!pass) co_return false;
  pass_.emplace(std::move(*pass));
  waiting.entered = true;
  co_return true;
}

void Call::LeaveTurn() {
  if (!pass_) return;
  pass_.reset();
  context_.blocked.Leave();
}

Task<void> Call::AskProvider() {
  asked_ = SteadyClock::now();
  Deadline deadline = Deadline::In(context_.options.request_timeout);
  bool turn = co_await TakeTurn(deadline);
  held_ = Since(asked_);
  HttpHead head;
  head.transport_error = "no turn came in time";
  std::unique_ptr<HttpStream> stream;
  if (turn) {
    std::string body = co_await FinishedBody(output_limit_);
    HttpRequest request = MakeRequest(std::move(body));
    request_.body = {};
    stream = co_await context_.http.Open(std::move(request), deadline);
    head = co_await stream->Head();
  }
  status_ = head.status;
  if (head.status != 0) {
    co_await Pass(*stream, std::move(head));
    co_return;
  }
  LeaveTurn();
  Settle(head.sent ? std::nullopt : std::optional(TokenCount{}));
  Close("unreachable");
  Refusal refusal{502, "upstream_unreachable",
                  "The model's server did not answer: " + head.transport_error};
  HttpHeaders headers = {{"Content-Type", "application/json"}};
  std::string body = route_.format->ErrorBody(502, refusal.code, refusal.message);
  auto told = co_await exchange_.Answer(502, std::move(headers), std::move(body));
}

Task<void> Call::Pass(HttpStream& stream, HttpHead head) {
  if (head.status >= 300 && head.status < 400) {
    LeaveTurn();
    Settle(TokenCount{});
    Close("redirect");
    Refusal refusal{502, "upstream_redirect",
                    "The model's server points elsewhere, and is not followed."};
    context_.log.Flag(refusal.code,
                      model_->id + " to " + std::string(HeaderOf(head.headers, "location")));
    auto told = co_await AnswerRefusal(exchange_, *route_.format, std::move(refusal));
    co_return;
  }
  if (head.status >= 400) {
    if (auto pause = RetryAfter(head.headers); pause && (head.status == 429 || head.status >= 500))
      context_.gate.Hold(Origin(model_->base_url), *pause);
    if (head.status == 401) context_.log.Flag("upstream_refused_key", model_->key_env);
  }
  bool events = HeaderOf(head.headers, "content-type").starts_with("text/event-stream");
  if (events && Good(head.status))
    co_await PassEvents(stream, std::move(head));
  else
    co_await PassWhole(stream, std::move(head));
}

// The provider is read as fast as it sends, the agent is sent what it takes.
Task<void> Call::PassEvents(HttpStream& stream, HttpHead head) {
  using namespace boost::asio::experimental::awaitable_operators;
  changed_.emplace(co_await boost::asio::this_coro::executor);
  auto ended = co_await (Receive(stream, head) || Deliver(head));
  if (ended.index() == 0) LogError("a call ended before its answer was handed on");
}

Task<void> Call::Changed() {
  changed_->expires_at(SteadyClock::time_point::max());
  boost::system::error_code ec;
  co_await changed_->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ec));
}

// Ends by cancellation alone, once all is handed on or nobody takes it.
Task<void> Call::Receive(HttpStream& stream, const HttpHead& head) {
  UsageReader reader(*route_.format, true);
  bool cut = false;
  while (!cut) {
    auto piece = co_await stream.Next();
    if (piece && piece->empty()) break;
    cut = !piece || whole_.size() > kLargestAnswer;
    if (cut) break;
    reader.Add(*piece);
    whole_ += *piece;
    changed_->cancel();
  }
  LeaveTurn();
  auto used = reader.End();
  cut = cut || (!reader.ended() && !reader.failed());
  Settle(cut ? std::nullopt : used);
  if (!cut && !reader.failed())
    co_await Keep(head.status, HeaderOf(head.headers, "content-type"), whole_);
  Close(cut ? "cut" : reader.failed() ? "error_event" : "ok");
  complete_ = !cut;
  received_ = true;
  for (;;) {
    changed_->cancel();
    Deadline never(Deadline::Clock::time_point::max());
    co_await SleepUntil(never);
  }
}

Task<void> Call::Deliver(const HttpHead& head) {
  HttpHeaders headers = PassedHeaders(head.headers);
  auto sent = co_await exchange_.Begin(head.status, std::move(headers));
  for (std::size_t at = 0; sent && (at < whole_.size() || !received_);) {
    if (at == whole_.size()) {
      co_await Changed();
      continue;
    }
    std::string piece = whole_.substr(at);
    at = whole_.size();
    sent = co_await exchange_.Send(std::move(piece));
  }
  if (!sent && open_) {
    Settle(std::nullopt);
    Close("client_gone");
  }
  if (!sent || !complete_) co_return;  // without an end, so that the client knows
  auto ended = co_await exchange_.End();
}

Task<void> Call::PassWhole(HttpStream& stream, HttpHead head) {
  std::string whole;
  bool complete = false;
  while (whole.size() < kLargestAnswer) {
    auto piece = co_await stream.Next();
    complete = piece && piece->empty();
    if (!piece || complete) break;
    whole += *piece;
  }
  LeaveTurn();
  if (!complete) {
    Settle(Good(head.status) ? std::nullopt : std::optional(TokenCount{}));
    Close("cut");
    Refusal refusal{502, "upstream_cut", "The model's answer broke off."};
    auto told = co_await AnswerRefusal(exchange_, *route_.format, std::move(refusal));
    co_return;
  }
  if (Good(head.status) || Final(head.status))
    co_await Keep(head.status, HeaderOf(head.headers, "content-type"), whole);
  UsageReader reader(*route_.format, false);
  reader.Add(whole);
  Settle(Good(head.status) ? reader.End() : std::optional(TokenCount{}));
  Close("ok");
  HttpHeaders headers = PassedHeaders(head.headers);
  auto told = co_await exchange_.Answer(head.status, std::move(headers), std::move(whole));
}

Task<void> Call::Replay(RecordedAnswer answer) {
  kept_ = true;
  status_ = answer.status;
  Json body = {{"model", model_->id},     {"format", route_.format->name()},
               {"status", answer.status}, {"end", "ok"},
               {"replayed", true},        {"digest", turn_->digest}};
  UsageReader reader(*route_.format, answer.content_type.starts_with("text/event-stream"));
  reader.Add(answer.body);
  TokenCount used = reader.End().value_or(TokenCount{});
  body["input_tokens"] = used.input;
  body["cached_tokens"] = used.cached;
  body["output_tokens"] = used.output;
  body["cost_usd"] = "0";
  context_.log.Write("model_call", DumpJson(body));
  HttpHeaders headers = {{"Content-Type", answer.content_type}};
  auto told = co_await exchange_.Answer(answer.status, std::move(headers), std::move(answer.body));
}

// Nothing: it is not known what was used.
void Call::Settle(std::optional<TokenCount> used) {
  if (!reservation_) return;
  used_ = used.value_or(
      TokenCount{.input = reservation_->ask().input, .output = reservation_->ask().output});
  cost_ = used ? reservation_->Settle(*used) : reservation_->SettleAll();
  reservation_.reset();
}

Task<void> Call::Keep(int status, std::string_view content_type, const std::string& body) {
  RecordedAnswer answer{status, std::string(content_type), body};
  auto save = [this, &answer] { return context_.recorder.Save(*turn_, answer); };
  auto saved = co_await Apart(context_, std::move(save));
  kept_ = saved.has_value();
  if (!saved) context_.log.Failed(saved.error());
}

void Call::Close(std::string_view end) {
  open_ = false;
  Millis wait = Since(asked_);
  context_.ledger.AddWait(wait);
  Json body = {{"model", model_->id},
               {"format", route_.format->name()},
               {"status", status_},
               {"end", end},
               {"input_tokens", used_.input},
               {"cached_tokens", used_.cached},
               {"cache_write_tokens", used_.cache_write},
               {"output_tokens", used_.output},
               {"cost_usd", cost_.Text()},
               {"held_ms", held_.count()},
               {"wait_ms", wait.count()},
               {"wall_ms", Since(begun_).count()},
               {"replayed", false},
               {"digest", turn_->digest}};
  context_.log.Write("model_call", DumpJson(body));
}

}  // namespace podium::agents
