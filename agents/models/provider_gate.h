#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "agents/models/host_lane.h"
#include "agents/models/rate_gate.h"
#include "base/async/fair_semaphore.h"
#include "base/async/reactor.h"
#include "base/clock.h"

namespace podium::agents {

// The turns in which the trials of a run ask each provider: a few at a time, trial by trial, and
// none while the provider has asked for a pause or does not serve. A provider that fails is asked
// by fewer at once until it serves again. Where there is a folder for the host, all this is kept by
// its Podium processes together. On the event loop's thread; passes and waits may outlive it.
class ProviderGate {
 public:
  // `host`: where the processes of this host meet; empty: each is for itself.
  explicit ProviderGate(int at_once = 64, std::filesystem::path host = {});
  ~ProviderGate();
  ProviderGate(const ProviderGate&) = delete;
  ProviderGate& operator=(const ProviderGate&) = delete;

  // One request's turn, until the provider has answered in full.
  class Pass {
   public:
    explicit Pass(FairSemaphore::Permit permit, std::optional<HostLane::Place> place = {})
        : permit_(std::move(permit)), place_(std::move(place)) {}

   private:
    FairSemaphore::Permit permit_;
    std::optional<HostLane::Place> place_;  // given back first
  };

  // Waits for a turn; nothing once the deadline has passed. Those who wait are served round robin
  // by `trial`, so a trial waits for its own requests and for one of each other trial. A waiter
  // that is cancelled leaves its turn to the next.
  [[nodiscard]] Task<std::optional<Pass>> Enter(const std::string& provider, std::string trial,
                                                Deadline deadline);

  // Nobody enters for so long, at most an hour.
  void Hold(const std::string& provider, Millis pause);

  // The provider did not serve a request (no connection, 429, 5xx). Nobody enters for what it asked
  // for, else for a pause that doubles from half a second to a minute; both get some jitter.
  // Returns the pause. Those who fail together count once.
  Millis Failed(const std::string& provider, std::optional<Millis> wish);
  void Served(const std::string& provider);

  // The limits a minute of models and providers, of which each trial takes its part.
  [[nodiscard]] RateGate& rates() { return rates_; }

 private:
  struct Lane;
  static Task<std::optional<Pass>> EnterLane(std::shared_ptr<Lane> lane, std::string trial,
                                             Deadline deadline);
  [[nodiscard]] std::shared_ptr<Lane> LaneOf(const std::string& provider);

  int at_once_;
  std::filesystem::path host_;
  std::minstd_rand random_;
  RateGate rates_;
  std::map<std::string, std::shared_ptr<Lane>> lanes_;
};

}  // namespace podium::agents
