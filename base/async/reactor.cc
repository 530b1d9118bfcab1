#include "base/async/reactor.h"

#include <algorithm>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <exception>
#include <thread>

#include "base/log.h"

namespace podium {
namespace asio = boost::asio;

struct Reactor::Impl {
  asio::io_context io{1};
  asio::thread_pool control, transfer, grading;
  Impl(unsigned control_threads, unsigned cores)
      // Transfers wait for disks as much as they compute: two a core, or one that syncs holds up
      // the next one's bytes.
      : control(control_threads), transfer(std::max(4u, 2 * cores)), grading(cores) {}

  asio::thread_pool& Of(Pool pool) {
    return pool == Pool::kControl ? control : pool == Pool::kTransfer ? transfer : grading;
  }
};

Reactor::Reactor(unsigned control_threads)
    : impl_(std::make_unique<Impl>(control_threads,
                                   std::max(1u, std::thread::hardware_concurrency()))) {}
Reactor::~Reactor() {
  for (Pool pool : {Pool::kControl, Pool::kTransfer, Pool::kGrading}) impl_->Of(pool).join();
}

asio::io_context& Reactor::io() { return impl_->io; }

Status Reactor::Run(std::function<Task<Status>()> main) {
  Status result = Fail(ErrorCode::kInternal, "the event loop ended before its main coroutine");
  bool done = false;
  auto end = [&](std::exception_ptr, Status s) {
    result = std::move(s);
    done = true;
  };
  asio::co_spawn(impl_->io, Caught<void>(main(), "a run"), end);
  impl_->io.restart();
  while (!done) {
    try {
      if (impl_->io.run_one() == 0) break;
    } catch (...) {
      LogError(CaughtError("an event's handler").value().message);
    }
  }
  return result;
}

Task<void> Reactor::RunOnPool(std::function<void()> job, Pool pool) {
  // No cancellation reaches the pool: the job runs to its end, and its waiter learns of the
  // cancellation at its next wait.
  auto start = [pool = &impl_->Of(pool), job = std::move(job)](auto handler) mutable {
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

tl::unexpected<Error> CaughtError(std::string_view where) {
  std::string what = "an exception of an unknown type";
  ErrorCode code = ErrorCode::kInternal;
  try {
    throw;
  } catch (const boost::system::system_error& e) {
    if (e.code() == asio::error::operation_aborted) code = ErrorCode::kInterrupted;
    what = e.what();
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {  // NOLINT(bugprone-empty-catch): nothing is known of it
  }
  return Fail(code, "unexpected in " + std::string(where) + ": " + what);
}

Task<void> SleepUntil(Deadline deadline) {
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline.at());
  boost::system::error_code ec;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
}

}  // namespace podium
