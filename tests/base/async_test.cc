#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <future>
#include <stdexcept>

#include "base/async/race.h"
#include "base/async/reactor.h"

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
    // A pool's answer may come before what this thread has posted: go around the queue instead.
    for (int round = 0; round < 100 && !went_on; ++round) {
      co_await boost::asio::post(reactor.io(), boost::asio::use_awaitable);
    }
    co_return Status{};
  });
  EXPECT_TRUE(ended) << ended.error().message;
  EXPECT_TRUE(went_on);
}

// Else the other side of a race would be waited for: an hour.
TEST(ReactorTest, ACaughtExceptionEndsAnEither) {
  Reactor reactor;
  auto ended = reactor.Run([&]() -> Task<Status> {
    auto both = co_await Race(Caught<int>(Throws(), "a test"), ForEver());
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
    auto grading = [wait] {
      wait.wait();
      return 0;
    };
    auto control = [&free] {
      free.set_value();
      return 0;
    };
    // As many gradings as there can be, and more: with one pool nobody would set them free.
    auto one = [&]() -> Task<void> { co_await reactor.Blocking(grading, Pool::kGrading); };
    auto many = [&]() -> Task<int> {
      std::vector<Task<void>> four;
      for (int i = 0; i < 4; ++i) four.push_back(one());
      co_await AllOf(std::move(four));
      co_return 4;
    };
    auto both = co_await Together(many(), reactor.Blocking(control));
    EXPECT_EQ(both.first, 4);
    co_return Status{};
  });
  EXPECT_TRUE(ended) << ended.error().message;
}

}  // namespace
}  // namespace podium
