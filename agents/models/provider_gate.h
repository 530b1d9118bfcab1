#pragma once

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "base/async/reactor.h"
#include "base/clock.h"

namespace podium::agents {

// The turns in which the trials of a run ask each provider: a few at a time, trial by trial, and
// none while the provider has asked for a pause or does not serve. A provider that fails is asked
// by fewer at once until it serves again. On the event loop's thread; passes and
// waits may outlive it.
class ProviderGate {
  struct Lane;
  struct Waiter;

 public:
  explicit ProviderGate(int at_once = 64);
  ~ProviderGate();
  ProviderGate(const ProviderGate&) = delete;
  ProviderGate& operator=(const ProviderGate&) = delete;

  // One request's turn, until destruction or Done.
  class Pass {
   public:
    explicit Pass(std::shared_ptr<Lane> lane) : lane_(std::move(lane)) {}
    Pass(Pass&& other) noexcept = default;
    Pass& operator=(Pass&&) = delete;
    ~Pass() { Done(); }
    // The provider has answered in full: the next may ask.
    void Done();

   private:
    std::shared_ptr<Lane> lane_;
  };

  // Waits for a turn; nothing once the deadline has passed. Those who wait are served round robin
  // by `trial`, so a trial waits for its own requests and for one of each other trial. A waiter
  // that is cancelled leaves its turn to the next.
  [[nodiscard]] Task<std::optional<Pass>> Enter(std::string provider, std::string trial,
                                                Deadline deadline);

  // Nobody enters for so long, at most an hour.
  void Hold(const std::string& provider, Millis pause);

  // The provider did not serve a request (no connection, 429, 5xx). Nobody enters for what it asked
  // for, else for a pause that doubles from half a second to a minute; both get some jitter.
  // Returns the pause. Those who fail together count once.
  Millis Failed(const std::string& provider, std::optional<Millis> wish);
  void Served(const std::string& provider);

 private:
  int at_once_;
  std::minstd_rand random_;
  std::map<std::string, std::shared_ptr<Lane>> lanes_;
  const std::shared_ptr<Lane>& LaneOf(const std::string& provider);
};

}  // namespace podium::agents
