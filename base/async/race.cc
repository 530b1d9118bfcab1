#include "base/async/race.h"

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>

namespace podium {
namespace asio = boost::asio;
namespace {

struct Ends {
  std::vector<std::size_t> order;          // in which they ended
  std::vector<std::exception_ptr> thrown;  // by place; null: ended well
};

template <class Condition>
Task<Ends> RunAll(std::vector<Task<void>> tasks, Condition condition) {
  auto executor = co_await asio::this_coro::executor;
  auto start = [&](Task<void> task) {
    return asio::co_spawn(executor, std::move(task), asio::deferred);
  };
  std::vector<decltype(start(std::declval<Task<void>>()))> started;
  started.reserve(tasks.size());
  for (auto& task : tasks) started.push_back(start(std::move(task)));
  auto group = asio::experimental::make_parallel_group(std::move(started));
  auto [order, thrown] = co_await group.async_wait(condition, asio::use_awaitable);
  co_return Ends{std::move(order), std::move(thrown)};
}

}  // namespace

Task<std::size_t> FirstOf(std::vector<Task<void>> tasks) {
  asio::experimental::wait_for_one_success one;
  Ends ends = co_await RunAll(std::move(tasks), one);
  for (std::size_t place : ends.order) {
    if (!ends.thrown[place]) co_return place;
  }
  throw asio::multiple_exceptions(ends.thrown[ends.order.front()]);
}

Task<void> AllOf(std::vector<Task<void>> tasks) {
  asio::experimental::wait_for_one_error one;
  Ends ends = co_await RunAll(std::move(tasks), one);
  auto failed = [&](std::size_t place) { return ends.thrown[place] != nullptr; };
  auto first = std::ranges::find_if(ends.order, failed);
  if (first == ends.order.end()) co_return;
  if (std::ranges::count_if(ends.order, failed) > 1)
    throw asio::multiple_exceptions(ends.thrown[*first]);
  std::rethrow_exception(ends.thrown[*first]);
}

}  // namespace podium
