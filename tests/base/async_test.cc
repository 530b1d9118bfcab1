#include "base/async/reactor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <stdexcept>

namespace podium {
namespace {

Task<Result<int>> Throws() {
  throw std::runtime_error("no such luck");
  co_return 1;
}

Task<void> ForEver() {
  Deadline far = Deadline::In(std::chrono::hours(1));
  co_await SleepUntil(far);
}

TEST(ReactorTest, AnExceptionOfTheMainCoroutineIsAnError) {
  Reactor reactor;
  auto ended = reactor.Run([]() -> Task<Status> {
    throw std::runtime_error("no such luck");
    co_return Status{};
  });
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::kInternal);
  EXPECT_THAT(ended.error().message, testing::HasSubstr("no such luck"));
}

TEST(ReactorTest, AnExceptionOfAHandlerEndsThatHandlerAlone) {
  Reactor reactor;
  bool went_on = false;
  auto ended = reactor.Run([&]() -> Task<Status> {
    boost::asio::post(reactor.io(), [] { throw std::runtime_error("no such luck"); });
    boost::asio::post(reactor.io(), [&] { went_on = true; });
    auto job = [] { return 0; };
    co_await reactor.Blocking(job);
    co_return Status{};
  });
  EXPECT_TRUE(ended) << ended.error().message;
  EXPECT_TRUE(went_on);
}

// Else the other side of `||` would be waited for: an hour.
TEST(ReactorTest, ACaughtExceptionEndsAnEither) {
  Reactor reactor;
  auto ended = reactor.Run([&]() -> Task<Status> {
    using namespace boost::asio::experimental::awaitable_operators;
    auto both = co_await (Caught<int>(Throws(), "a test") || ForEver());
    EXPECT_EQ(both.index(), 0u);
    auto& result = std::get<0>(both);
    EXPECT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kInternal);
    co_return Status{};
  });
  EXPECT_TRUE(ended) << ended.error().message;
}

TEST(ReactorTest, AFullPoolOfOneKindLeavesTheOthersAlone) {
  Reactor reactor(1);
  std::promise<void> free;
  std::shared_future<void> wait = free.get_future().share();
  auto ended = reactor.Run([&]() -> Task<Status> {
    using namespace boost::asio::experimental::awaitable_operators;
    auto grading = [wait] {
      wait.wait();
      return 0;
    };
    auto control = [&free] {
      free.set_value();
      return 0;
    };
    // As many gradings as there can be, and more: with one pool nobody would set them free.
    auto many = [&]() -> Task<int> {
      auto a = reactor.Blocking(grading, Pool::kGrading);
      auto b = reactor.Blocking(grading, Pool::kGrading);
      auto c = reactor.Blocking(grading, Pool::kGrading);
      auto d = reactor.Blocking(grading, Pool::kGrading);
      auto all = co_await (std::move(a) && std::move(b) && std::move(c) && std::move(d));
      co_return std::get<0>(all);
    };
    auto both = co_await (many() && reactor.Blocking(control));
    EXPECT_EQ(std::get<0>(both), 0);
    co_return Status{};
  });
  EXPECT_TRUE(ended) << ended.error().message;
}

}  // namespace
}  // namespace podium
