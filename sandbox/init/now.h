#pragma once

#include <time.h>

namespace podium::sandbox::init {

// Milliseconds of a clock that only goes on.
inline long NowMs() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

}  // namespace podium::sandbox::init
