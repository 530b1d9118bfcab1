#include "agents/models/provider_gate.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>

#include "base/deadlines.h"

namespace podium::agents {
namespace {

namespace asio = boost::asio;
using TimePoint = Deadline::Clock::time_point;

}  // namespace

// One who waits in Enter. `granted`: a place is set aside for it already.
struct ProviderGate::Waiter {
  asio::steady_timer timer;
  bool granted = false;
};

struct ProviderGate::Lane {
  int most = 0;     // places
  int allowed = 0;  // of them, while the provider recovers
  int inside = 0;
  int failures = 0;  // rounds of failures since it last served
  TimePoint held_until{};
  // Those who wait, trial by trial; the first trial is the next to be served.
  std::list<std::pair<std::string, std::list<Waiter*>>> trials;

  void Add(const std::string& trial, Waiter& waiter) {
    auto found = std::ranges::find(trials, trial, &decltype(trials)::value_type::first);
    if (found == trials.end()) found = trials.insert(trials.end(), {trial, {}});
    found->second.push_back(&waiter);
  }

  void Remove(Waiter& waiter) {
    for (auto it = trials.begin(); it != trials.end(); ++it) {
      if (std::erase(it->second, &waiter) == 0) continue;
      if (it->second.empty()) trials.erase(it);
      return;
    }
  }

  // Gives every free place to one who waits and wakes it.
  void Grant() {
    while (inside < allowed && !trials.empty() && SteadyNow() >= held_until) {
      auto turn = trials.begin();
      Waiter* next = turn->second.front();
      turn->second.pop_front();
      if (turn->second.empty())
        trials.erase(turn);
      else
        trials.splice(trials.end(), trials, turn);
      inside += 1;
      next->granted = true;
      next->timer.cancel();
    }
  }

  void Leave() {
    inside -= 1;
    Grant();
  }

  // Lets all who wait look again at how long.
  void Wake() {
    for (auto& [trial, waiters] : trials) {
      for (Waiter* waiter : waiters) waiter->timer.cancel();
    }
  }
};

ProviderGate::ProviderGate(int at_once) : at_once_(at_once), random_(std::random_device{}()) {}
ProviderGate::~ProviderGate() = default;

void ProviderGate::Pass::Done() {
  if (!lane_) return;
  lane_->Leave();
  lane_.reset();
}

const std::shared_ptr<ProviderGate::Lane>& ProviderGate::LaneOf(const std::string& provider) {
  auto& lane = lanes_[provider];
  if (!lane) {
    lane = std::make_shared<Lane>();
    lane->most = lane->allowed = at_once_;
  }
  return lane;
}

Task<std::optional<ProviderGate::Pass>> ProviderGate::Enter(std::string provider, std::string trial,
                                                            Deadline deadline) {
  // Whatever ends the wait: the queue forgets it, and a place that it got but did not take goes on.
  struct InQueue {
    std::shared_ptr<Lane> lane;
    Waiter waiter;
    bool taken = false;
    ~InQueue() {
      lane->Remove(waiter);
      if (waiter.granted && !taken) lane->Leave();
    }
  };
  auto executor = co_await asio::this_coro::executor;
  InQueue place{LaneOf(provider), Waiter{asio::steady_timer(executor)}};
  Lane& lane = *place.lane;
  lane.Add(trial, place.waiter);
  lane.Grant();
  while (!place.waiter.granted) {
    if (deadline.expired()) co_return std::nullopt;
    bool held = SteadyNow() < lane.held_until;
    place.waiter.timer.expires_at(held ? std::min(lane.held_until, deadline.at()) : deadline.at());
    boost::system::error_code ec;
    co_await place.waiter.timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    lane.Grant();
  }
  place.taken = true;
  std::optional<Pass> pass(std::in_place, place.lane);
  co_return pass;
}

void ProviderGate::Hold(const std::string& provider, Millis pause) {
  Lane& lane = *LaneOf(provider);
  auto until = SteadyNow() + std::clamp(pause, Millis(0), kProviderLongestHold);
  if (until <= lane.held_until) return;
  lane.held_until = until;
  lane.Wake();
}

Millis ProviderGate::Failed(const std::string& provider, std::optional<Millis> wish) {
  Lane& lane = *LaneOf(provider);
  if (SteadyNow() >= lane.held_until) {
    lane.failures = std::min(lane.failures + 1, 20);
    lane.allowed = std::max(1, lane.allowed / 2);
  }
  std::uniform_real_distribution<double> part(0, 1);
  Millis pause = std::min(kProviderFirstPause * (1 << (std::max(1, lane.failures) - 1)),
                          kProviderLongestPause);
  double jitter = part(random_);
  if (wish)
    pause = *wish +
            Millis(static_cast<std::int64_t>(
                jitter * static_cast<double>(std::min(*wish, kProviderLongestPause).count()) / 10));
  else
    pause =
        Millis(static_cast<std::int64_t>((1 + jitter) / 2 * static_cast<double>(pause.count())));
  Hold(provider, pause);
  return pause;
}

void ProviderGate::Served(const std::string& provider) {
  Lane& lane = *LaneOf(provider);
  lane.failures = 0;
  lane.allowed = std::min(lane.most, lane.allowed * 2);
  lane.Grant();
}

}  // namespace podium::agents
