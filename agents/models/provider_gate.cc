#include "agents/models/provider_gate.h"

#include <algorithm>

#include "base/deadlines.h"

namespace podium::agents {

struct ProviderGate::Lane {
  explicit Lane(int most_at_once) : most(most_at_once), places(most_at_once) {}
  int most;
  FairSemaphore places;  // fewer than `most` while the provider recovers
  int failures = 0;      // rounds of failures since it last served
};

ProviderGate::ProviderGate(int at_once) : at_once_(at_once), random_(std::random_device{}()) {}
ProviderGate::~ProviderGate() = default;

ProviderGate::Lane& ProviderGate::LaneOf(const std::string& provider) {
  auto& lane = lanes_[provider];
  if (!lane) lane = std::make_unique<Lane>(at_once_);
  return *lane;
}

Task<std::optional<ProviderGate::Pass>> ProviderGate::Enter(const std::string& provider,
                                                            std::string trial, Deadline deadline) {
  return LaneOf(provider).places.Take(std::move(trial), deadline);
}

void ProviderGate::Hold(const std::string& provider, Millis pause) {
  LaneOf(provider).places.RestUntil(SteadyNow() +
                                    std::clamp(pause, Millis(0), kProviderLongestHold));
}

Millis ProviderGate::Failed(const std::string& provider, std::optional<Millis> wish) {
  Lane& lane = LaneOf(provider);
  if (!lane.places.resting()) {
    lane.failures = std::min(lane.failures + 1, 20);
    lane.places.Resize(lane.places.places() / 2);
  }
  std::uniform_real_distribution<double> part(0, 1);
  Millis pause = std::min(kProviderFirstPause * (1 << (std::max(1, lane.failures) - 1)),
                          kProviderLongestPause);
  double jitter = part(random_);
  if (wish)
    pause = *wish +
            Millis(static_cast<std::int64_t>(
                jitter * static_cast<double>(std::min(*wish, kProviderLongestPause).count()) / 10));
  else
    pause =
        Millis(static_cast<std::int64_t>((1 + jitter) / 2 * static_cast<double>(pause.count())));
  Hold(provider, pause);
  return pause;
}

void ProviderGate::Served(const std::string& provider) {
  Lane& lane = LaneOf(provider);
  lane.failures = 0;
  lane.places.Resize(std::min(lane.most, lane.places.places() * 2));
}

}  // namespace podium::agents
