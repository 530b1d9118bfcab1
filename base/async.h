#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/result.h"

namespace boost::asio {
class io_context;
}

namespace podium {

// A coroutine on the run's event loop. Everything that can fail returns Task<Result<T>>.
// GCC 12 destroys brace-initialised temporaries and lambdas inside a co_await expression twice:
// name arguments first.
template <class T>
using Task = boost::asio::awaitable<T>;

// Owns the event loop (one thread: the caller of Run) and the pool for blocking work.
class Reactor {
 public:
  // pool_threads: how many blocking calls may run at once.
  explicit Reactor(unsigned pool_threads = 8);
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  [[nodiscard]] boost::asio::io_context& io();

  // Runs `main` to its end and returns its value; other coroutines started meanwhile run too.
  Status Run(std::function<Task<Status>()> main);

  // Runs a blocking function on the pool; the loop goes on meanwhile. The function must end by
  // itself (pass it a deadline).
  template <class F>
  Task<std::invoke_result_t<F>> Blocking(F function) {
    using R = std::invoke_result_t<F>;
    auto slot = std::make_shared<std::optional<R>>();
    auto shared = std::make_shared<F>(std::move(function));
    std::function<void()> job = [slot, shared] { slot->emplace((*shared)()); };
    co_await RunOnPool(std::move(job));
    co_return std::move(**slot);
  }

 private:
  Task<void> RunOnPool(std::function<void()> job);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Sleeps until the deadline or until the coroutine is cancelled.
Task<void> SleepUntil(Deadline deadline);

}  // namespace podium
