#include "agents/gateway/provider_gate.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>

namespace podium::agents {
namespace {

namespace asio = boost::asio;
constexpr Millis kLongestHold{120'000};

}  // namespace

struct ProviderGate::Lane {
  int inside = 0;
  Deadline::Clock::time_point held_until{};
  std::list<asio::steady_timer*> waiting;  // in the order they came

  void WakeFirst() {
    if (!waiting.empty()) waiting.front()->cancel();
  }
};

ProviderGate::ProviderGate(int at_once) : at_once_(at_once) {}
ProviderGate::~ProviderGate() = default;

ProviderGate::Pass::~Pass() {
  if (!lane_) return;
  lane_->inside -= 1;
  lane_->WakeFirst();
}

ProviderGate::Lane& ProviderGate::LaneOf(const std::string& provider) {
  auto& lane = lanes_[provider];
  if (!lane) lane = std::make_unique<Lane>();
  return *lane;
}

Task<std::optional<ProviderGate::Pass>> ProviderGate::Enter(std::string provider,
                                                            Deadline deadline) {
  struct Place {
    Lane& lane;
    std::list<asio::steady_timer*>::iterator at;
    ~Place() { lane.waiting.erase(at); }
  };
  Lane& lane = LaneOf(provider);
  for (;;) {
    bool held = Deadline::Clock::now() < lane.held_until;
    if (!held && lane.inside < at_once_) break;
    if (deadline.expired()) co_return std::nullopt;
    asio::steady_timer timer(co_await asio::this_coro::executor);
    timer.expires_at(held ? std::min(lane.held_until, deadline.at()) : deadline.at());
    Place place{lane, lane.waiting.insert(lane.waiting.end(), &timer)};
    boost::system::error_code ec;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }
  lane.inside += 1;
  std::optional<Pass> pass(std::in_place, lane);
  co_return pass;
}

void ProviderGate::Hold(const std::string& provider, Millis pause) {
  Lane& lane = LaneOf(provider);
  auto until = Deadline::Clock::now() + std::clamp(pause, Millis(0), kLongestHold);
  lane.held_until = std::max(lane.held_until, until);
}

}  // namespace podium::agents
