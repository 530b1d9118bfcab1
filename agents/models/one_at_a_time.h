#pragma once

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

#include "base/async/reactor.h"

namespace podium::agents {

// A place for one coroutine; the others wait. On the event loop's thread. For .cc files: it brings
// Asio.
class OneAtATime {
  struct State;

 public:
  explicit OneAtATime(boost::asio::any_io_executor executor)
      : state_(std::make_shared<State>(executor)) {}

  // Gives the place back when it is destroyed, and wakes those who wait.
  class Place {
   public:
    explicit Place(std::shared_ptr<State> state) : state_(std::move(state)) {}
    Place(Place&&) noexcept = default;
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (!state_) return;
      state_->taken = false;
      state_->changed.cancel();
    }

    // Whoever comes next waits until then.
    void Rest(Deadline until) { state_->rest = until; }

   private:
    std::shared_ptr<State> state_;
  };

  // Waits until the place is free and has rested. A cancelled wait throws, and keeps nothing.
  Task<Place> Enter() {
    auto state = state_;
    while (state->taken) {
      boost::system::error_code ec;
      co_await state->changed.async_wait(
          boost::asio::redirect_error(boost::asio::use_awaitable, ec));
    }
    state->taken = true;
    Place place(state);
    Deadline rest = state->rest;
    if (!rest.expired()) co_await SleepUntil(rest);
    co_return place;
  }

 private:
  struct State {
    explicit State(const boost::asio::any_io_executor& executor)
        : changed(executor, boost::asio::steady_timer::time_point::max()) {}
    boost::asio::steady_timer changed;  // never rings; cancelled when the place becomes free
    bool taken = false;
    Deadline rest = Deadline::In(Millis(0));
  };
  std::shared_ptr<State> state_;
};

}  // namespace podium::agents
