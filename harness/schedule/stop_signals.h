#pragma once

#include <memory>

#include "base/async/reactor.h"
#include "base/async/stop_token.h"
#include "harness/trial/observer.h"

namespace podium::harness {

// While it lives, SIGINT, SIGTERM and SIGHUP raise the run's stop, and the observer is told: the
// first drains, the second stops, the third ends the process as if nobody had listened. On the
// event loop's thread; all references outlive it.
class StopSignals {
 public:
  StopSignals(Reactor& reactor, StopSource& stop, RunObserver& observer);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

 private:
  struct Watch;
  std::shared_ptr<Watch> watch_;  // its handler may run once more after the end
};

}  // namespace podium::harness
