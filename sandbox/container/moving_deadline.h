#pragma once

#include <functional>
#include <utility>

#include "base/clock.h"

namespace podium::sandbox {

// A command's deadline, which moves on while the command waits for others (ExecSpec::moved).
class MovingDeadline {
 public:
  MovingDeadline(Deadline begun_with, std::function<Millis()> moved)
      : begun_with_(begun_with), moved_(std::move(moved)) {}

  // Where it is now, and so much later.
  [[nodiscard]] Deadline Now(Millis later = Millis(0)) const {
    return Deadline(begun_with_.at() + (moved_ ? moved_() : Millis(0)) + later);
  }

 private:
  Deadline begun_with_;
  std::function<Millis()> moved_;
};

}  // namespace podium::sandbox
