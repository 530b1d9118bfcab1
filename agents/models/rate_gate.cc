#include "agents/models/rate_gate.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace podium::agents {

// One call as the window counts it.
struct RateGate::Use {
  SteadyTime at{};
  std::int64_t tokens = 0;
};

// What was used of one limit.
struct RateGate::Lane {
  FairSemaphore door{1};
  std::deque<std::shared_ptr<Use>> uses;  // oldest first

  // When there is room: now, or when old uses will have left the window.
  SteadyTime RoomAt(const RateLimit& limit, std::int64_t tokens, Millis window, SteadyTime now) {
    while (!uses.empty() && uses.front()->at + window <= now) uses.pop_front();
    SteadyTime out = now;
    auto count = static_cast<std::int64_t>(uses.size());
    if (limit.requests > 0 && count >= limit.requests)
      out = uses[static_cast<std::size_t>(count - limit.requests)]->at + window;
    if (limit.tokens <= 0) return out;
    std::int64_t over = std::min(tokens, limit.tokens) - limit.tokens;
    for (const auto& use : uses) over += use->tokens;
    for (const auto& use : uses) {
      if (over <= 0) break;
      over -= use->tokens;
      out = std::max(out, use->at + window);
    }
    return out;
  }
};

void RateGate::Turn::Begin() {
  use_->at = SteadyNow();
  for (auto& [lane, permit] : held_) lane->uses.push_back(use_);
  held_.clear();
}

void RateGate::Turn::Settle(std::int64_t tokens) { use_->tokens = tokens; }

// What others used is settled meanwhile, so it looks again and again.
Task<bool> RateGate::WaitForRoom(std::shared_ptr<Lane> lane, RateLimit limit, std::int64_t tokens,
                                 Millis window, Deadline deadline) {
  for (;;) {
    SteadyTime now = SteadyNow();
    SteadyTime at = lane->RoomAt(limit, tokens, window, now);
    if (at <= now) co_return true;
    if (deadline.expired()) co_return false;
    Deadline wake(std::min({at, deadline.at(), now + window / 60}));
    co_await SleepUntil(wake);
  }
}

Task<std::optional<RateGate::Turn>> RateGate::Enter(std::vector<RateLimit> limits,
                                                    std::string owner, std::int64_t tokens,
                                                    Deadline deadline) {
  Lanes lanes;
  for (RateLimit& limit : limits) {
    auto& lane = lanes_[limit.name];
    if (!lane) lane = std::make_shared<Lane>();
    lanes.emplace_back(lane, std::move(limit));
  }
  return EnterAll(std::move(lanes), std::move(owner), tokens, window_, deadline);
}

Task<std::optional<RateGate::Turn>> RateGate::EnterAll(Lanes lanes, std::string owner,
                                                       std::int64_t tokens, Millis window,
                                                       Deadline deadline) {
  std::optional<Turn> out(std::in_place);
  out->use_ = std::make_shared<Use>();
  out->use_->tokens = tokens;
  for (auto& [lane, limit] : lanes) {
    std::string who = owner;
    auto permit = co_await lane->door.Take(std::move(who), deadline);
    if (!permit) co_return std::nullopt;
    bool room = co_await WaitForRoom(lane, limit, tokens, window, deadline);
    if (!room) co_return std::nullopt;
    out->held_.emplace_back(lane, std::move(*permit));
  }
  co_return out;
}

}  // namespace podium::agents
