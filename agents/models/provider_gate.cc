#include "agents/models/provider_gate.h"

#include <algorithm>

#include "base/deadlines.h"
#include "base/log.h"

namespace podium::agents {

struct ProviderGate::Lane {
  explicit Lane(int most_at_once) : most(most_at_once), places(most_at_once) {}
  int most;
  FairSemaphore places;  // fewer than `most` while the provider recovers
  int failures = 0;      // rounds of failures since it last served
  std::optional<HostLane> host;
};

ProviderGate::ProviderGate(int at_once, std::filesystem::path host)
    : at_once_(at_once),
      host_(host),
      random_(std::random_device{}()),
      rates_(std::chrono::minutes(1), std::move(host)) {}
ProviderGate::~ProviderGate() = default;

std::shared_ptr<ProviderGate::Lane> ProviderGate::LaneOf(const std::string& provider) {
  auto& lane = lanes_[provider];
  if (lane) return lane;
  lane = std::make_shared<Lane>(at_once_);
  if (host_.empty()) return lane;
  auto host = HostLane::Open(host_, provider);
  if (host)
    lane->host.emplace(std::move(*host));
  else
    LogWarn("turns at a provider are this process's alone: " + host.error().message);
  return lane;
}

Task<std::optional<ProviderGate::Pass>> ProviderGate::Enter(const std::string& provider,
                                                            std::string trial, Deadline deadline) {
  return EnterLane(LaneOf(provider), std::move(trial), deadline);
}

// A turn among the trials of this process, then one among the processes of the host, which have no
// queue: each that waits looks again and again.
Task<std::optional<ProviderGate::Pass>> ProviderGate::EnterLane(std::shared_ptr<Lane> lane,
                                                                std::string trial,
                                                                Deadline deadline) {
  auto permit = co_await lane->places.Take(std::move(trial), deadline);
  if (!permit) co_return std::nullopt;
  if (!lane->host) co_return Pass(std::move(*permit));
  for (Millis pause = kHostTurnPoll;; pause = std::min(2 * pause, kHostTurnLongestPoll)) {
    auto place = lane->host->TryTake(lane->most);
    if (place) co_return Pass(std::move(*permit), std::move(place));
    if (deadline.expired()) co_return std::nullopt;
    SteadyTime rested = lane->host->RestsUntil();
    Deadline wake(std::min(std::max(SteadyNow() + pause, rested), deadline.at()));
    co_await SleepUntil(wake);
  }
}

void ProviderGate::Hold(const std::string& provider, Millis pause) {
  SteadyTime until = SteadyNow() + std::clamp(pause, Millis(0), kProviderLongestHold);
  auto lane = LaneOf(provider);
  lane->places.RestUntil(until);
  if (lane->host) lane->host->RestUntil(until);
}

Millis ProviderGate::Failed(const std::string& provider, std::optional<Millis> wish) {
  auto shared = LaneOf(provider);
  Lane& lane = *shared;
  bool resting = lane.places.resting() || (lane.host && lane.host->RestsUntil() > SteadyNow());
  if (!resting) {
    lane.failures = std::min(lane.failures + 1, 20);
    lane.places.Resize(lane.places.places() / 2);
    if (lane.host) lane.host->Resize(std::max(1, lane.host->places(lane.most) / 2));
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
  auto lane = LaneOf(provider);
  lane->failures = 0;
  lane->places.Resize(std::min(lane->most, lane->places.places() * 2));
  int allowed = lane->host ? lane->host->places(lane->most) : lane->most;
  if (allowed < lane->most) lane->host->Resize(std::min(lane->most, allowed * 2));
}

}  // namespace podium::agents
