#pragma once

#include <algorithm>
#include <chrono>

#include "base/async/reactor.h"
#include "base/clock.h"

namespace podium {

// The steps of one server: so many a second, and a second's worth at once.
class Pace {
 public:
  explicit Pace(int a_second)
      : gap_(std::chrono::nanoseconds(std::chrono::seconds(1)) / a_second) {}

  // Waits for the next step's turn, or for that of as much work as so many.
  Task<void> Step(int steps = 1) {
    next_ = std::max(next_ + steps * gap_, SteadyNow() - std::chrono::seconds(1));
    Deadline turn(next_);
    if (!turn.expired()) co_await SleepUntil(turn);
  }

 private:
  std::chrono::nanoseconds gap_;
  Deadline::Clock::time_point next_{};
};

}  // namespace podium
