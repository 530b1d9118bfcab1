#include "base/clock.h"

#include <cstdio>
#include <ctime>

namespace podium {
namespace {

class RealClock final : public Clock {
 public:
  SteadyTime Now() const override { return podium::SteadyNow(); }
  WallTime WallNow() const override { return podium::WallNow(); }
};

}  // namespace

SteadyTime SteadyNow() { return std::chrono::steady_clock::now(); }

WallTime WallNow() { return std::chrono::system_clock::now(); }

Millis Since(SteadyTime begun) { return std::chrono::duration_cast<Millis>(SteadyNow() - begun); }

Millis Deadline::remaining() const {
  auto left = std::chrono::duration_cast<Millis>(at_ - SteadyNow());
  return left.count() > 0 ? left : Millis(0);
}

const Clock& SystemClock() {
  static const RealClock clock;
  return clock;
}

std::string IsoTime(WallTime t) {
  auto ms = std::chrono::duration_cast<Millis>(t.time_since_epoch()).count();
  std::time_t seconds = ms / 1000;
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  char date[32];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
  char out[48];
  std::snprintf(out, sizeof out, "%s.%03dZ", date, static_cast<int>(ms % 1000));
  return out;
}

WallTime ParseIsoTime(const std::string& text) {
  std::tm tm{};
  int ms = 0;
  if (std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%d.%dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
                  &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms) != 7)
    return {};
  tm.tm_year -= 1900;
  tm.tm_mon -= 1;
  return WallTime(std::chrono::seconds(::timegm(&tm)) + Millis(ms));
}

}  // namespace podium
