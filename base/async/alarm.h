#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>

#include "base/async/reactor.h"
#include "base/clock.h"

namespace podium {

// Calls a function on the event loop once the deadline has passed, unless it is destroyed before.
// Once destroyed it calls nothing and touches nothing, even when it had been about to ring: the
// handler that the loop still holds owns what it looks at. Made and destroyed on the loop's thread.
class Alarm {
 public:
  Alarm(const boost::asio::any_io_executor& loop, Deadline deadline, std::function<void()> ring);
  Alarm(Reactor& reactor, Deadline deadline, std::function<void()> ring);
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  [[nodiscard]] bool rang() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace podium
