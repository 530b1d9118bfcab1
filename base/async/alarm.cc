#include "base/async/alarm.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

namespace podium {

struct Alarm::State {
  State(const boost::asio::any_io_executor& loop, Deadline deadline, std::function<void()> function)
      : timer(loop, deadline.at()), ring(std::move(function)) {}
  boost::asio::steady_timer timer;
  std::function<void()> ring;  // empty once it rang or is over
  bool rang = false;
};

Alarm::Alarm(Reactor& reactor, Deadline deadline, std::function<void()> ring)
    : Alarm(reactor.io().get_executor(), deadline, std::move(ring)) {}

Alarm::Alarm(const boost::asio::any_io_executor& loop, Deadline deadline,
             std::function<void()> ring)
    : state_(std::make_shared<State>(loop, deadline, std::move(ring))) {
  state_->timer.async_wait([state = state_](boost::system::error_code ec) {
    if (ec || !state->ring) return;
    state->rang = true;
    std::exchange(state->ring, nullptr)();
  });
}

Alarm::~Alarm() {
  state_->ring = nullptr;
  state_->timer.cancel();
}

bool Alarm::rang() const { return state_->rang; }

}  // namespace podium
