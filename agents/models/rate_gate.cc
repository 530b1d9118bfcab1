#include "agents/models/rate_gate.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/deadlines.h"
#include "base/log.h"

namespace podium::agents {

// One call as the window counts it.
struct RateGate::Use {
  SteadyTime at{};
  std::int64_t tokens = 0;
  Millis window{0};
  // For the host. A lane holds its uses, so that they do not hold it.
  std::vector<std::pair<std::weak_ptr<Lane>, std::int64_t>> noted = {};
};

namespace {

// When there is room beside these uses, oldest first: now, or when some have left the window.
SteadyTime RoomAt(const std::vector<HostWindow::Use>& uses, const RateLimit& limit,
                  std::int64_t tokens, Millis window, SteadyTime now) {
  SteadyTime out = now;
  auto count = static_cast<std::int64_t>(uses.size());
  if (limit.requests > 0 && count >= limit.requests)
    out = uses[static_cast<std::size_t>(count - limit.requests)].at + window;
  if (limit.tokens <= 0) return out;
  std::int64_t over = std::min(tokens, limit.tokens) - limit.tokens;
  for (const auto& use : uses) over += use.tokens;
  for (const auto& use : uses) {
    if (over <= 0) break;
    over -= use.tokens;
    out = std::max(out, use.at + window);
  }
  return out;
}

}  // namespace

// What was used of one limit.
struct RateGate::Lane {
  FairSemaphore door{1};
  std::deque<std::shared_ptr<Use>> uses;  // of this process, oldest first
  std::optional<HostWindow> host;         // of all

  // Of all processes where they meet; each remembers its own, should the host's file be lost.
  [[nodiscard]] SteadyTime RoomAt(const RateLimit& limit, std::int64_t tokens, Millis window,
                                  SteadyTime now) {
    while (!uses.empty() && uses.front()->at + window <= now) uses.pop_front();
    std::vector<HostWindow::Use> own;
    for (const auto& use : uses) own.push_back({use->at, use->tokens});
    SteadyTime out = agents::RoomAt(own, limit, tokens, window, now);
    if (!host) return out;
    return std::max(out, agents::RoomAt(host->Uses(window), limit, tokens, window, now));
  }
};

void RateGate::Turn::Begin() {
  use_->at = SteadyNow();
  for (Held& held : held_) {
    held.lane->uses.push_back(use_);
    if (!held.door) continue;
    std::int64_t number = held.door->Leave({use_->at, use_->tokens}, use_->window);
    use_->noted.emplace_back(held.lane, number);
  }
  held_.clear();
}

void RateGate::Turn::Settle(std::int64_t tokens) {
  use_->tokens = tokens;
  if (use_->at + use_->window <= SteadyNow()) return;  // its number may be another's by now
  for (auto& [noted, number] : use_->noted) {
    if (auto lane = noted.lock()) lane->host->Settle(number, tokens);
  }
}

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

std::shared_ptr<RateGate::Lane> RateGate::LaneOf(const std::string& limit) {
  auto& lane = lanes_[limit];
  if (lane) return lane;
  lane = std::make_shared<Lane>();
  if (host_.empty()) return lane;
  auto host = HostWindow::Open(host_, limit);
  if (host)
    lane->host.emplace(std::move(*host));
  else
    LogWarn("limits a minute are this process's alone: " + host.error().message);
  return lane;
}

// The host's turn to look for room; a process that does not get it asks again and again.
Task<bool> RateGate::EnterHost(std::shared_ptr<Lane> lane, Deadline deadline,
                               std::optional<HostWindow::Door>& door) {
  HostWindow::Wait wait(*lane->host);
  for (;;) {
    auto entered = wait.TryEnter();
    if (entered) door.emplace(std::move(*entered));
    if (entered) co_return true;
    if (deadline.expired()) co_return false;
    Deadline wake = Deadline::In(kHostTurnPoll).Earlier(deadline);
    co_await SleepUntil(wake);
  }
}

Task<std::optional<RateGate::Turn>> RateGate::Enter(std::vector<RateLimit> limits,
                                                    std::string owner, std::int64_t tokens,
                                                    Deadline deadline) {
  Lanes lanes;
  for (RateLimit& limit : limits) lanes.emplace_back(LaneOf(limit.name), std::move(limit));
  return EnterAll(std::move(lanes), std::move(owner), tokens, window_, deadline);
}

Task<std::optional<RateGate::Turn>> RateGate::EnterAll(Lanes lanes, std::string owner,
                                                       std::int64_t tokens, Millis window,
                                                       Deadline deadline) {
  std::optional<Turn> out(std::in_place);
  out->use_ = std::make_shared<Use>();
  out->use_->tokens = tokens;
  out->use_->window = window;
  for (auto& [lane, limit] : lanes) {
    std::string who = owner;
    auto permit = co_await lane->door.Take(std::move(who), deadline);
    if (!permit) co_return std::nullopt;
    std::optional<HostWindow::Door> door;
    if (lane->host) {
      bool entered = co_await EnterHost(lane, deadline, door);
      if (!entered) co_return std::nullopt;
    }
    bool room = co_await WaitForRoom(lane, limit, tokens, window, deadline);
    if (!room) co_return std::nullopt;
    out->held_.push_back({lane, std::move(*permit), std::move(door)});
  }
  co_return out;
}

}  // namespace podium::agents
