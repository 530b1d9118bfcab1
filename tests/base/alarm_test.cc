#include "base/async/alarm.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>

namespace podium {
namespace {

using std::chrono::hours;

TEST(AlarmTest, RingsOnceItsTimeHasCome) {
  Reactor reactor;
  int rung = 0;
  Alarm alarm(reactor, Deadline::In(Millis(0)), [&] { ++rung; });
  reactor.io().run_one();
  EXPECT_EQ(rung, 1);
  EXPECT_TRUE(alarm.rang());
}

// The timer has expired and its handler is queued: what it looks at may be gone by then.
TEST(AlarmTest, DestroyedWhileItIsAboutToRingItTouchesNothing) {
  Reactor reactor;
  auto target = std::make_unique<int>(0);
  {
    Alarm late(reactor, Deadline::In(Millis(0)), [p = target.get()] { ++*p; });
    // Another handler of the same moment ends it before its own has run.
    Alarm first(reactor, Deadline::In(-hours(1)), [] {});
    reactor.io().run_one();
  }
  int* seen = target.get();
  EXPECT_EQ(*seen, 0);
  target.reset();
  reactor.io().run();  // AddressSanitizer would see the handler's access
}

TEST(AlarmTest, MayBeDestroyedByItsOwnFunction) {
  Reactor reactor;
  std::unique_ptr<Alarm> alarm;
  bool rung = false;
  alarm = std::make_unique<Alarm>(reactor, Deadline::In(Millis(0)), [&] {
    alarm.reset();
    rung = true;
  });
  reactor.io().run();
  EXPECT_TRUE(rung);
}

}  // namespace
}  // namespace podium
