#pragma once

#include <chrono>
#include <string>

namespace podium {

using Millis = std::chrono::milliseconds;

// A point on the steady clock that a wait may not pass. Passed down instead of durations, so that
// nested waits share it.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Deadline(Clock::time_point at) : at_(at) {}
  [[nodiscard]] static Deadline In(Clock::duration d) { return Deadline(Clock::now() + d); }

  [[nodiscard]] Clock::time_point at() const { return at_; }
  [[nodiscard]] bool expired() const { return Clock::now() >= at_; }
  // Never negative.
  [[nodiscard]] Millis remaining() const;
  [[nodiscard]] Deadline Earlier(Deadline other) const { return at_ < other.at_ ? *this : other; }

 private:
  Clock::time_point at_;
};

// Time as the engine sees it, injected so that tests need no sleeps.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual std::chrono::steady_clock::time_point Now() const = 0;
  [[nodiscard]] virtual std::chrono::system_clock::time_point WallNow() const = 0;
};
const Clock& SystemClock();

// "2026-11-24T01:54:57.123Z"
std::string IsoTime(std::chrono::system_clock::time_point t);

}  // namespace podium
