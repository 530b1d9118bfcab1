#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "agents/models/wire/usd.h"
#include "base/clock.h"
#include "base/records/event.h"

namespace podium::agents {

// What a trial may spend on models; what is not set is not limited.
struct Budget {
  std::optional<std::int64_t> requests;
  std::optional<std::int64_t> tokens;  // of prompts and answers together
  std::optional<std::int64_t> input_tokens;
  std::optional<std::int64_t> output_tokens;
  std::optional<Usd> money;
};

struct Spent {
  std::int64_t requests = 0;
  TokenCount tokens;
  Usd cost;
  Millis wait{0};  // for answers and for the turn to ask
};

// Adds a call ("model_call") of an earlier attempt of the trial; true if it was one.
bool AddEvent(const records::Event& event, Spent& spent);

// The most that one call can use.
struct Ask {
  std::int64_t input = 0;   // tokens of the prompt
  std::int64_t output = 0;  // of all answers
  TokenPrices prices;
};

class Ledger;

// Part of a budget that is set aside for one call. Settle, SettleAll or Release ends it; destroyed
// before that, all of it counts as used.
class Reservation {
 public:
  Reservation(Reservation&& other) noexcept : ledger_(other.ledger_), ask_(other.ask_) {
    other.ledger_ = nullptr;
  }
  Reservation& operator=(Reservation&&) = delete;
  ~Reservation() {
    if (ledger_) SettleAll();
  }

  // What the call really used; returns what it cost.
  Usd Settle(const TokenCount& used);
  // Nobody knows what it used: all that was set aside.
  Usd SettleAll();
  // The call never left this process.
  void Release();
  [[nodiscard]] const Ask& ask() const { return ask_; }

 private:
  friend class Ledger;
  Reservation(Ledger& ledger, const Ask& ask) : ledger_(&ledger), ask_(ask) {}
  Usd Book(const TokenCount& used, Usd cost);
  Ledger* ledger_;
  Ask ask_;
};

// The account of one trial, on the event loop's thread. A call is sent only after all that it may
// use has been set aside, so that what is spent never passes the budget by more than a provider
// passes one call's declared limits.
class Ledger {
 public:
  Ledger(Budget budget, Spent before) : budget_(budget), spent_(before) {}
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // The error says which budget does not hold the call: "money", "requests", ...
  [[nodiscard]] tl::expected<Reservation, std::string_view> Reserve(const Ask& ask);

  // The largest output with which Reserve would take a call of this prompt; less than 1 when none.
  [[nodiscard]] std::int64_t AffordableOutput(std::int64_t input, const TokenPrices& prices,
                                              std::int64_t most) const;

  void AddWait(Millis wait) { spent_.wait += wait; }
  [[nodiscard]] const Spent& spent() const { return spent_; }
  [[nodiscard]] const Budget& budget() const { return budget_; }

 private:
  friend class Reservation;
  [[nodiscard]] std::string_view Lacking(const Ask& ask) const;
  void Return(const Ask& ask);

  Budget budget_;
  Spent spent_;
  Spent reserved_;
};

}  // namespace podium::agents
