#include "harness/schedule/stop_signals.h"

#include <gmock/gmock.h>

#include <csignal>

#include "base/async/race.h"
#include "tests/harness/trial_fixture.h"

namespace podium::harness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Whether the level is reached while a test has patience.
Task<bool> Reaches(StopToken token, StopLevel level) {
  Deadline patience = Deadline::In(std::chrono::seconds(10));
  auto first = co_await Race(token.Reached(level), SleepUntil(patience));
  co_return first.index() == 0;
}

TEST(StopSignalsTest, TheFirstDrainsAndTheSecondStops) {
  Reactor reactor;
  StopSource stop;
  KeptMessages observer;
  auto ended = reactor.Run([&]() -> Task<Status> {
    StopSignals signals(reactor, stop, observer);
    EXPECT_EQ(stop.token().level(), StopLevel::kRunning);
    std::raise(SIGINT);
    bool drains = co_await Reaches(stop.token(), StopLevel::kDraining);
    EXPECT_TRUE(drains);
    EXPECT_FALSE(stop.token().stopping());
    std::raise(SIGHUP);
    bool stops = co_await Reaches(stop.token(), StopLevel::kStopping);
    EXPECT_TRUE(stops);
    co_return Status{};
  });
  EXPECT_TRUE(ended);
  EXPECT_THAT(observer.messages,
              ElementsAre(HasSubstr("press Ctrl-C again"), HasSubstr("stopping now")));
}

TEST(StopSignalsTest, TheThirdEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto thrice = [] {
    Reactor reactor;
    StopSource stop;
    KeptMessages observer;
    (void)reactor.Run([&]() -> Task<Status> {
      StopSignals signals(reactor, stop, observer);
      for (auto level : {StopLevel::kDraining, StopLevel::kStopping}) {
        std::raise(SIGTERM);
        bool reached = co_await Reaches(stop.token(), level);
        if (!reached) co_return Status{};
      }
      std::raise(SIGTERM);
      Deadline patience = Deadline::In(std::chrono::seconds(10));
      co_await SleepUntil(patience);
      co_return Status{};
    });
  };
  EXPECT_EXIT(thrice(), testing::KilledBySignal(SIGINT), "");
}

TEST(StopSignalsTest, OnceItIsGoneSignalsAreTheProcesssOwn) {
  auto after = [] {
    Reactor reactor;
    StopSource stop;
    KeptMessages observer;
    (void)reactor.Run([&]() -> Task<Status> {
      { StopSignals signals(reactor, stop, observer); }
      std::raise(SIGTERM);
      co_return Status{};
    });
  };
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(after(), testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace podium::harness
