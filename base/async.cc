#include "base/async.h"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>

namespace podium {
namespace asio = boost::asio;

struct Reactor::Impl {
  asio::io_context io{1};
  asio::thread_pool pool;
  explicit Impl(unsigned threads) : pool(threads) {}
};

Reactor::Reactor(unsigned pool_threads) : impl_(std::make_unique<Impl>(pool_threads)) {}
Reactor::~Reactor() { impl_->pool.join(); }

asio::io_context& Reactor::io() { return impl_->io; }

Status Reactor::Run(std::function<Task<Status>()> main) {
  Status result = Fail(ErrorCode::kInternal, "the event loop ended before its main coroutine");
  bool done = false;
  asio::co_spawn(impl_->io, std::move(main), [&](std::exception_ptr e, Status s) {
    if (e) std::rethrow_exception(e);
    result = std::move(s);
    done = true;
  });
  impl_->io.restart();
  while (!done && impl_->io.run_one() > 0) {
  }
  return result;
}

Task<void> Reactor::RunOnPool(std::function<void()> job) {
  // No cancellation reaches the pool: the job runs to its end, and its waiter learns of the
  // cancellation at its next wait.
  auto start = [pool = &impl_->pool, job = std::move(job)](auto handler) mutable {
    auto executor = asio::get_associated_executor(handler);
    auto work = asio::make_work_guard(executor);
    auto resume = std::make_shared<decltype(handler)>(std::move(handler));
    asio::post(*pool, [executor, work, resume = std::move(resume), job = std::move(job)]() mutable {
      std::exception_ptr thrown;
      try {
        job();
      } catch (...) {
        thrown = std::current_exception();
      }
      asio::post(executor, [thrown, work, resume = std::move(resume)]() mutable {
        std::move (*resume)(thrown);
      });
    });
  };
  auto token = asio::use_awaitable;
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
      std::move(start), token);
}

Task<void> SleepUntil(Deadline deadline) {
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline.at());
  boost::system::error_code ec;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
}

}  // namespace podium
