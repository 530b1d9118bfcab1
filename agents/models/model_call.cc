#include "agents/models/model_call.h"

#include <algorithm>

#include "agents/models/apart.h"
#include "agents/models/piece_scrubber.h"
#include "agents/models/retry_after.h"
#include "base/http/address.h"

namespace podium::agents {
namespace {

constexpr std::size_t kLargestAnswer = 64 << 20;
constexpr std::int64_t kBytesOfToken = 4;  // of ordinary text, for what limits a minute count

std::string_view ValueOf(const HeaderList& headers, std::string_view name) {
  auto found = std::ranges::find(headers, name, &HeaderList::value_type::first);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

void SetTokens(const TokenCount& tokens, records::ModelCall& event) {
  event.input_tokens = tokens.input;
  event.cached_tokens = tokens.cached;
  event.cache_write_tokens = tokens.cache_write;
  event.reasoning_tokens = tokens.reasoning;
  event.output_tokens = tokens.output;
}

bool IsEventStream(std::string_view content_type) {
  return content_type.starts_with("text/event-stream");
}

}  // namespace

ModelCall::ModelCall(TrialModels& models, CallTarget target)
    : models_(models), target_(std::move(target)), begun_(SteadyNow()), asked_(begun_) {}

ModelCall::~ModelCall() {
  stream_.reset();
  LeaveTurn();
  if (open_) models_.log().Post(Book("cancelled", std::nullopt));
  if (turn_ && !kept_) models_.recorder().Abandon(*turn_);
}

std::optional<RecordedAnswer> ModelCall::Begin(std::string_view path, std::string body) {
  turn_ = models_.recorder().Begin(target_.provider + std::string(path), std::move(body));
  return models_.recorder().Find(*turn_);
}

records::AnswerRef ModelCall::KeptAnswer() const {
  if (!turn_ || answer_digest_.empty()) return {};
  return {turn_->digest, answer_digest_, std::string(target_.format->traits().name)};
}

Task<void> ModelCall::Replayed(const RecordedAnswer& answer) {
  kept_ = true;
  records::ModelCall event{.model = target_.model, .format = target_.format->name()};
  event.status = answer.status;
  event.end = "ok";
  event.replayed = true;
  event.digest = turn_->digest;
  event.answer = answer.digest;
  UsageReader reader(*target_.format, IsEventStream(answer.content_type));
  reader.Add(answer.body);
  SetTokens(reader.End().value_or(TokenCount{}), event);
  co_await models_.log().Append(std::move(event));
}

Task<std::string> ModelCall::Difference() {
  auto compare = [&recorder = models_.recorder(), turn = *turn_] {
    return recorder.Difference(turn);
  };
  co_return co_await Apart(models_, std::move(compare));
}

std::string_view ModelCall::Reserve(std::int64_t input, std::int64_t output) {
  Ask ask{input, output, target_.prices.value_or(TokenPrices{})};
  auto reserved = models_.ledger().Reserve(ask);
  if (!reserved) return reserved.error();
  reservation_.emplace(std::move(*reserved));
  open_ = true;
  asked_ = SteadyNow();
  held_ = Millis(0);
  return {};
}

Task<bool> ModelCall::Enter(Deadline deadline, OutageWait* own) {
  struct Waiting {
    BlockedTime* blocked;
    bool entered = false;
    ~Waiting() {
      if (blocked) entered ? blocked->Enter() : blocked->GiveUp();
    }
  };
  auto begun = SteadyNow();
  answer_ = {};
  if (own) own->Begin();
  if (!own) models_.blocked().Wait();
  Waiting waiting{own ? nullptr : &models_.blocked()};
  bool turn = co_await TakeTurn(deadline);
  held_ += Since(begun);
  sent_at_ = SteadyNow();
  answer_.head.transport_error = target_.limits.empty()
                                     ? "no turn came in time"
                                     : "no turn came in time within its limits a minute";
  if (!turn) co_return false;
  if (own) own->End();
  counted_ = waiting.entered = !own;
  co_return true;
}

// Room within the limits a minute, then a place at the provider, from which on it counts.
Task<bool> ModelCall::TakeTurn(Deadline deadline) {
  std::string provider = target_.origin, trial = models_.options().record_dir.string();
  if (rate_) rate_->Settle(0);  // what was asked before was not served
  std::optional<RateGate::Turn> room;
  if (!target_.limits.empty()) {
    std::int64_t tokens = 0;
    if (reservation_)
      tokens = reservation_->ask().input / kBytesOfToken + reservation_->ask().output;
    std::vector<RateLimit> limits = target_.limits;
    std::string owner = trial;
    room = co_await models_.gate().rates().Enter(std::move(limits), std::move(owner), tokens,
                                                 deadline);
    if (!room) co_return false;
  }
  auto pass = co_await models_.gate().Enter(provider, std::move(trial), deadline);
  if (!pass) co_return false;
  pass_.emplace(std::move(*pass));
  if (room) room->Begin();
  rate_ = std::move(room);
  co_return true;
}

void ModelCall::LeaveTurn() {
  if (!pass_) return;
  pass_.reset();
  if (std::exchange(counted_, false)) models_.blocked().Leave();
}

Task<void> ModelCall::Send(HttpRequest request, Deadline deadline) {
  sent_at_ = SteadyNow();
  secrets_ = SecretsOf(request.url, request.headers);
  stream_ = co_await models_.http().Open(std::move(request), deadline);
  answer_.head = co_await stream_->Head();
  answer_.events = IsEventStream(ValueOf(answer_.head.headers, "content-type"));
  answer_.wish = RetryAfter(answer_.head.headers);
  if (answer_.head.status == 0) LeaveTurn();
}

Task<void> ModelCall::Receive(std::function<void()> on_piece) {
  UsageReader reader(*target_.format, answer_.events);
  bool over_pieces = on_piece && answer_.events;
  PieceScrubber scrubber(*target_.format, over_pieces ? secrets_ : std::vector<std::string>());
  while (answer_.body.size() <= kLargestAnswer) {
    auto piece = co_await stream_->Next();
    answer_.complete = piece && piece->empty();
    if (!piece) answer_.head.transport_error = piece.error().message;
    if (!piece || piece->empty()) break;
    auto take = [&] {
      reader.Add(*piece);
      answer_.body += scrubber.Add(*piece);
      return true;
    };
    if (answer_.body.size() > kReadOnLoop)
      co_await Apart(models_, std::move(take));
    else
      take();
    if (on_piece) on_piece();
  }
  answer_.body += scrubber.End();
  if (scrubber.found()) models_.log().Flag("key_in_pieces", target_.model);
  stream_.reset();
  LeaveTurn();
  auto end = [&reader] { return reader.End(); };
  if (answer_.body.size() > kReadOnLoop)
    answer_.used = co_await Apart(models_, std::move(end));
  else
    answer_.used = end();
  answer_.failed = reader.failed();
  bool cut = answer_.events && answer_.head.status < 300 && !reader.ended() && !reader.failed();
  answer_.complete = answer_.complete && !cut;
}

Task<void> ModelCall::Pretend(MadeUpAnswer made, Deadline deadline) {
  answer_ = {};
  answer_.made_up = true;
  answer_.head.status = made.status;
  answer_.head.headers = std::move(made.headers);
  if (made.status == 0) answer_.head.transport_error = "the connection closed (injected)";
  answer_.events = IsEventStream(ValueOf(answer_.head.headers, "content-type"));
  answer_.wish = RetryAfter(answer_.head.headers);
  answer_.complete = made.complete;
  answer_.body = std::move(made.body);
  sent_at_ = SteadyNow();
  if (made.silence == Millis(0) || models_.options().replay) co_return;
  Deadline end = Deadline::In(made.silence).Earlier(deadline);
  co_await SleepUntil(end);
}

Task<void> ModelCall::Keep(std::string body) {
  std::string type(ValueOf(answer_.head.headers, "content-type"));
  RecordedAnswer answer{answer_.head.status, std::move(type), std::move(body)};
  auto save = [this, &answer] { return models_.recorder().Save(*turn_, answer); };
  auto saved = co_await Apart(models_, std::move(save));
  kept_ = saved.has_value();
  if (!saved) models_.log().Failed(saved.error());
  if (saved) answer_digest_ = std::move(*saved);
}

// A provider that counts more than a call could use passes the budget by as much; all of it is
// booked, and no further call is sent.
void ModelCall::CheckBound(const TokenCount& used) {
  const Ask& ask = reservation_->ask();
  bool within = used.input <= ask.input && used.output <= ask.output;
  if (within || target_.format->traits().free) return;
  models_.log().Flag(
      "usage_above_reserved",
      target_.model + " says " + std::to_string(used.input) + " tokens of prompt and " +
          std::to_string(used.output) + " of answer, where " + std::to_string(ask.input) + " and " +
          std::to_string(ask.output) + " were set aside as the most that there could be");
}

// Ends the reservation and the event's life in memory.
records::ModelCall ModelCall::Book(std::string_view end, std::optional<TokenCount> used) {
  records::ModelCall event{.model = target_.model, .format = target_.format->name()};
  event.status = answer_.head.status;
  event.end = end;
  if (reservation_) {
    const Ask& ask = reservation_->ask();
    if (used) CheckBound(*used);
    TokenCount counted = used.value_or(TokenCount{.input = ask.input, .output = ask.output});
    if (rate_) rate_->Settle(counted.input + counted.output);
    rate_.reset();
    SetTokens(counted, event);
    Usd cost = used ? reservation_->Settle(*used) : reservation_->SettleAll();
    event.cost_usd = target_.prices ? cost.Text() : "";
  }
  reservation_.reset();
  event.held = held_;
  event.wait = Since(asked_);
  event.wall = Since(begun_);
  event.digest = turn_ ? turn_->digest : "";
  event.answer = answer_digest_;
  models_.ledger().AddWait(event.wait);
  open_ = false;
  return event;
}

void ModelCall::Release() {
  LeaveTurn();
  if (rate_) rate_->Settle(0);
  if (reservation_) reservation_->Release();
  reservation_.reset();
  open_ = false;
}

Task<void> ModelCall::Finish(std::string_view end, std::optional<TokenCount> used) {
  LeaveTurn();
  if (!open_) co_return;
  records::ModelCall event = Book(end, used);
  co_await models_.log().Append(std::move(event));
}

}  // namespace podium::agents
