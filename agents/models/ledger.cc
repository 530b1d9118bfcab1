#include "agents/models/ledger.h"

#include <algorithm>

namespace podium::agents {
namespace {

bool Over(const std::optional<std::int64_t>& limit, std::int64_t amount) {
  return limit && amount > *limit;
}

}  // namespace

bool AddEvent(const records::Event& event, Spent& spent) {
  const auto* call = std::get_if<records::ModelCall>(&event);
  if (!call) return false;
  spent.wait += call->wait;
  if (call->replayed) return true;
  spent.requests += 1;
  spent.tokens.input += call->input_tokens;
  spent.tokens.cached += call->cached_tokens;
  spent.tokens.cache_write += call->cache_write_tokens;
  spent.tokens.output += call->output_tokens;
  spent.tokens.reasoning += call->reasoning_tokens;
  if (auto cost = Usd::Parse(call->cost_usd)) spent.cost = spent.cost + *cost;
  return true;
}

Usd Reservation::Settle(const TokenCount& used) { return Book(used, CostOf(used, ask_.prices)); }

Usd Reservation::SettleAll() {
  return Book({.input = ask_.input, .output = ask_.output},
              MostOf(ask_.input, ask_.output, ask_.prices));
}

Usd Reservation::Book(const TokenCount& used, Usd cost) {
  if (!ledger_) return cost;
  ledger_->Return(ask_);
  Spent& spent = ledger_->spent_;
  spent.requests += 1;
  spent.tokens.input += used.input;
  spent.tokens.cached += used.cached;
  spent.tokens.cache_write += used.cache_write;
  spent.tokens.output += used.output;
  spent.tokens.reasoning += used.reasoning;
  spent.cost = spent.cost + cost;
  ledger_ = nullptr;
  return cost;
}

void Reservation::Release() {
  if (ledger_) ledger_->Return(ask_);
  ledger_ = nullptr;
}

void Ledger::Return(const Ask& ask) {
  reserved_.requests -= 1;
  reserved_.tokens.input -= ask.input;
  reserved_.tokens.output -= ask.output;
  reserved_.cost = reserved_.cost - MostOf(ask.input, ask.output, ask.prices);
}

std::string_view Ledger::Lacking(const Ask& ask) const {
  std::int64_t input = spent_.tokens.input + reserved_.tokens.input + ask.input;
  std::int64_t output = spent_.tokens.output + reserved_.tokens.output + ask.output;
  Usd cost = spent_.cost + reserved_.cost + MostOf(ask.input, ask.output, ask.prices);
  if (Over(budget_.requests, spent_.requests + reserved_.requests + 1)) return "requests";
  if (Over(budget_.input_tokens, input)) return "input tokens";
  if (Over(budget_.output_tokens, output)) return "output tokens";
  if (Over(budget_.tokens, input + output)) return "tokens";
  if (budget_.money && cost > *budget_.money) return "money";
  return {};
}

tl::expected<Reservation, std::string_view> Ledger::Reserve(const Ask& ask) {
  if (std::string_view lacking = Lacking(ask); !lacking.empty()) return tl::unexpected(lacking);
  reserved_.requests += 1;
  reserved_.tokens.input += ask.input;
  reserved_.tokens.output += ask.output;
  reserved_.cost = reserved_.cost + MostOf(ask.input, ask.output, ask.prices);
  return Reservation(*this, ask);
}

std::int64_t Ledger::AffordableOutput(std::int64_t input, const TokenPrices& prices,
                                      std::int64_t most) const {
  auto fits = [&](std::int64_t output) { return Lacking({input, output, prices}).empty(); };
  if (!fits(1)) return 0;
  std::int64_t low = 1, high = std::max<std::int64_t>(1, most);
  while (low < high) {
    std::int64_t middle = low + (high - low + 1) / 2;
    (fits(middle) ? low : high) = fits(middle) ? middle : middle - 1;
  }
  return low;
}

}  // namespace podium::agents
