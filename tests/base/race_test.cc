#include "base/async/race.h"

#include <gtest/gtest.h>

#include <boost/asio/this_coro.hpp>
#include <stdexcept>
#include <string>

namespace podium {
namespace {

Task<void> ForEver(bool& cancelled) {
  Deadline far = Deadline::In(std::chrono::hours(1));
  co_await SleepUntil(far);
  auto state = co_await boost::asio::this_coro::cancellation_state;
  cancelled = state.cancelled() != boost::asio::cancellation_type::none;
}

Task<std::string> Text(std::string text) { co_return text; }

Task<void> Throws(std::string why) {
  throw std::runtime_error(why);
  co_return;
}

Status RunLoop(std::function<Task<Status>()> main) {
  Reactor reactor;
  return reactor.Run(std::move(main));
}

TEST(RaceTest, TheFirstThatEndsCancelsTheOthersAndItsValueIsKept) {
  bool cancelled = false;
  auto ended = RunLoop([&]() -> Task<Status> {
    auto first = co_await Race(ForEver(cancelled), Text("won"));
    EXPECT_EQ(first.index(), 1u);
    EXPECT_EQ(std::get<1>(first), "won");
    co_return Status{};
  });
  EXPECT_TRUE(ended);
  EXPECT_TRUE(cancelled);
}

TEST(RaceTest, OneThatThrowsLosesToOneThatEnds) {
  auto ended = RunLoop([&]() -> Task<Status> {
    auto first = co_await Race(Throws("no"), Text("late"));
    EXPECT_EQ(first.index(), 1u);
    co_return Status{};
  });
  EXPECT_TRUE(ended);
}

TEST(RaceTest, WhereAllThrowAnExceptionLeaves) {
  auto ended = RunLoop([&]() -> Task<Status> {
    auto first = co_await Race(Throws("one"), Throws("two"));
    ADD_FAILURE() << "ended with " << first.index();
    co_return Status{};
  });
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::kInternal);
}

TEST(AllOfTest, TheFirstThatThrowsCancelsTheOthersAndItsExceptionLeaves) {
  bool cancelled = false;
  auto ended = RunLoop([&]() -> Task<Status> {
    std::vector<Task<void>> all;
    all.push_back(ForEver(cancelled));
    all.push_back(Throws("no such luck"));
    co_await AllOf(std::move(all));
    co_return Status{};
  });
  ASSERT_FALSE(ended);
  EXPECT_NE(ended.error().message.find("no such luck"), std::string::npos);
  EXPECT_TRUE(cancelled);
}

TEST(TogetherTest, BothValuesAreKept) {
  auto ended = RunLoop([&]() -> Task<Status> {
    auto both = co_await Together(Text("a"), Text("b"));
    EXPECT_EQ(both.first + both.second, "ab");
    co_return Status{};
  });
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace podium
