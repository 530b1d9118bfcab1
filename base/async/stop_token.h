#pragma once

#include <atomic>
#include <memory>

#include "base/async/reactor.h"

namespace podium {

// How far a run is to stop. It only ever rises.
enum class StopLevel {
  kRunning,
  kDraining,  // nothing new begins; what runs ends after its step in flight
  kStopping,  // what runs ends now and saves what it has
};

// What those who work are handed: they ask it, or wait for it. A copy is the same token; one that
// was made without a source never rises. May be asked on any thread, waited for on the event
// loop's.
class StopToken {
 public:
  struct State;
  StopToken();

  [[nodiscard]] StopLevel level() const;
  [[nodiscard]] bool draining() const { return level() >= StopLevel::kDraining; }
  [[nodiscard]] bool stopping() const { return level() >= StopLevel::kStopping; }

  // Ends once the level is reached, at once where it is already. Those who wait are cancelled like
  // any coroutine.
  [[nodiscard]] Task<void> Reached(StopLevel wanted) const;

 private:
  friend class StopSource;
  std::shared_ptr<State> state_;
};

// Who decides. On the event loop's thread; its tokens may outlive it.
class StopSource {
 public:
  [[nodiscard]] const StopToken& token() const { return token_; }
  // Wakes all who wait for this level or a lower one. A level that is reached stays.
  void Raise(StopLevel level);

 private:
  StopToken token_;
};

}  // namespace podium
