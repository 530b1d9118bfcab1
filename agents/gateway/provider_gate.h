#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/async.h"
#include "base/clock.h"

namespace podium::agents {

// The turns in which the trials of a run ask each provider: a few at a time, and none while the
// provider has asked for a pause. On the event loop's thread; outlives its passes.
class ProviderGate {
  struct Lane;

 public:
  explicit ProviderGate(int at_once = 64);
  ~ProviderGate();
  ProviderGate(const ProviderGate&) = delete;
  ProviderGate& operator=(const ProviderGate&) = delete;

  // One request's turn, until destruction.
  class Pass {
   public:
    explicit Pass(Lane& lane) : lane_(&lane) {}
    Pass(Pass&& other) noexcept : lane_(other.lane_) { other.lane_ = nullptr; }
    Pass& operator=(Pass&&) = delete;
    ~Pass();

   private:
    Lane* lane_;
  };

  // Waits for a turn; nothing once the deadline has passed.
  [[nodiscard]] Task<std::optional<Pass>> Enter(std::string provider, Deadline deadline);

  // Nobody enters for so long, at most two minutes.
  void Hold(const std::string& provider, Millis pause);

 private:
  int at_once_;
  std::map<std::string, std::unique_ptr<Lane>> lanes_;
  Lane& LaneOf(const std::string& provider);
};

}  // namespace podium::agents
