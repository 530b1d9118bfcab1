#pragma once

#include <chrono>
#include <string>

namespace podium {

using Millis = std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

// The only readers of the machine's clocks (tests/architecture).
[[nodiscard]] SteadyTime SteadyNow();
[[nodiscard]] WallTime WallNow();
// How long ago it was.
[[nodiscard]] Millis Since(SteadyTime begun);

// A point on the steady clock that a wait may not pass. Passed down instead of durations, so that
// nested waits share it. How long each kind of wait may last: base/deadlines.h.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Deadline(Clock::time_point at) : at_(at) {}
  [[nodiscard]] static Deadline In(Clock::duration d) { return Deadline(SteadyNow() + d); }
  [[nodiscard]] static Deadline Never() { return Deadline(Clock::time_point::max()); }

  [[nodiscard]] Clock::time_point at() const { return at_; }
  [[nodiscard]] bool expired() const { return SteadyNow() >= at_; }
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
  [[nodiscard]] virtual SteadyTime Now() const = 0;
  [[nodiscard]] virtual WallTime WallNow() const = 0;
};
const Clock& SystemClock();

// "2026-11-24T01:54:57.123Z"
std::string IsoTime(WallTime t);
// The moment that IsoTime wrote so; the epoch where the text is something else.
[[nodiscard]] WallTime ParseIsoTime(const std::string& text);

}  // namespace podium
