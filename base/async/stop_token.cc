#include "base/async/stop_token.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <set>
#include <utility>

namespace podium {

namespace asio = boost::asio;

struct StopToken::State {
  std::atomic<StopLevel> level{StopLevel::kRunning};
  std::set<asio::steady_timer*> waits;  // never ring; cancelled when the level rises
};

StopToken::StopToken() : state_(std::make_shared<State>()) {}

StopLevel StopToken::level() const { return state_->level; }

namespace {

// One who waits. Leaves the list whatever ends the wait.
struct Wait {
  std::shared_ptr<StopToken::State> state;
  asio::steady_timer timer;

  Wait(std::shared_ptr<StopToken::State> s, const asio::any_io_executor& executor)
      : state(std::move(s)), timer(executor, Deadline::Never().at()) {
    state->waits.insert(&timer);
  }
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() { state->waits.erase(&timer); }
};

// The token that was asked may go meanwhile.
Task<void> WaitFor(std::shared_ptr<StopToken::State> state, StopLevel wanted) {
  auto executor = co_await asio::this_coro::executor;
  Wait wait(std::move(state), executor);
  while (wait.state->level < wanted) {
    boost::system::error_code ec;
    co_await wait.timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }
}

}  // namespace

Task<void> StopToken::Reached(StopLevel wanted) const { return WaitFor(state_, wanted); }

void StopSource::Raise(StopLevel level) {
  auto& state = *token_.state_;
  if (level <= state.level) return;
  state.level = level;
  for (auto* timer : state.waits) timer->cancel();
}

}  // namespace podium
