#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
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

// Where blocking work waits for a thread. One kind of work cannot hold up another: a grading of
// half an hour leaves the threads that freeze and end sandboxes alone.
enum class Pool {
  kControl,   // sandboxes, small files: short, and what deadlines depend on
  kTransfer,  // bulk data: copies, digests, shapes of submissions, what services do for an agent
  kGrading,   // podium-grade
};

// Owns the event loop (one thread: the caller of Run) and the pools for blocking work.
class Reactor {
 public:
  // control_threads: how many calls of kControl may run at once; the other pools are sized from the
  // machine's cores.
  explicit Reactor(unsigned control_threads = 8);
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  [[nodiscard]] boost::asio::io_context& io();

  // Runs `main` to its end and returns its value; other coroutines started meanwhile run too. An
  // exception that leaves `main` is an error (kInternal); one that leaves another handler is logged
  // and ends that handler alone.
  Status Run(std::function<Task<Status>()> main);

  // Runs a blocking function on a pool; the loop goes on meanwhile. The function must end by
  // itself: it makes its own deadline, which then begins with the work and not with the wait for a
  // thread.
  template <class F>
  Task<std::invoke_result_t<F>> Blocking(F function, Pool pool = Pool::kControl) {
    using R = std::invoke_result_t<F>;
    auto slot = std::make_shared<std::optional<R>>();
    auto shared = std::make_shared<F>(std::move(function));
    std::function<void()> job = [slot, shared] { slot->emplace((*shared)()); };
    return ValueOf<R>(std::move(slot), RunOnPool(std::move(job), pool));
  }

 private:
  // One coroutine a type of value, whatever the functions.
  template <class R>
  static Task<R> ValueOf(std::shared_ptr<std::optional<R>> slot, Task<void> job) {
    co_await std::move(job);
    co_return std::move(**slot);
  }
  Task<void> RunOnPool(std::function<void()> job, Pool pool);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The error that an exception becomes: "unexpected: ..." (kInternal), or kInterrupted where it says
// that a wait was cancelled. To be called in a catch block.
[[nodiscard]] tl::unexpected<Error> CaughtError(std::string_view where);

// `task`, whose exceptions become errors: in `a || b` one that throws would be waited out.
template <class T>
Task<Result<T>> Caught(Task<Result<T>> task, std::string where) {
  try {
    co_return co_await std::move(task);
  } catch (...) {
    co_return CaughtError(where);
  }
}

// Sleeps until the deadline or until the coroutine is cancelled.
Task<void> SleepUntil(Deadline deadline);

}  // namespace podium
