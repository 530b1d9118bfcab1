#include "base/async.h"

#include <boost/asio/co_spawn.hpp>
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
  // The job is not cancellable, so neither is this wait: its frame outlives the job.
  auto executor = co_await asio::this_coro::executor;
  auto run = [&job]() -> Task<void> {
    job();
    co_return;
  };
  co_await asio::co_spawn(impl_->pool, run(), asio::use_awaitable);
  co_await asio::post(executor, asio::use_awaitable);
}

Task<void> SleepUntil(Deadline deadline) {
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline.at());
  boost::system::error_code ec;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
}

}  // namespace podium
