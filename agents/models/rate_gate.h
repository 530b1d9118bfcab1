#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agents/models/host_window.h"
#include "base/async/fair_semaphore.h"
#include "base/async/reactor.h"
#include "base/clock.h"

namespace podium::agents {

// What a model or a provider may be asked in any minute; 0: not limited.
struct RateLimit {
  std::string name;  // those of one name share it
  std::int64_t requests = 0;
  std::int64_t tokens = 0;  // of prompts and answers together

  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

// Keeps the calls of a run's trials within limits a minute: of each limit no more is used in any
// window than it allows. Those who wait are served round robin by their owner. Where there is a
// folder for the host, its Podium processes keep the limits together. On the event loop's thread;
// turns and waits may outlive it.
class RateGate {
  struct Lane;
  struct Use;
  // A window is longer by this part: a provider counts when a call arrives, and one may take longer
  // on its way than another.
  static constexpr int kForTheWay = 600;

 public:
  // `host`: where the processes of this host meet; empty: each is for itself.
  explicit RateGate(Millis window = std::chrono::minutes(1), std::filesystem::path host = {})
      : window_(window + window / kForTheWay), host_(std::move(host)) {}

  // Room for one call within its limits. Until it is begun nobody else gets room within them.
  class Turn {
   public:
    // It is sent now.
    void Begin();
    // What it used in place of what was thought.
    void Settle(std::int64_t tokens);

   private:
    friend class RateGate;
    // One limit's: first the host's turn is given back, then the process's.
    struct Held {
      std::shared_ptr<Lane> lane;
      FairSemaphore::Permit permit;
      std::optional<HostWindow::Door> door;
    };
    std::vector<Held> held_;
    std::shared_ptr<Use> use_;
  };

  // Waits for room for so many tokens; nothing once the deadline has passed. A call larger than a
  // whole limit has room once nothing else is within the window.
  [[nodiscard]] Task<std::optional<Turn>> Enter(std::vector<RateLimit> limits, std::string owner,
                                                std::int64_t tokens, Deadline deadline);

 private:
  using Lanes = std::vector<std::pair<std::shared_ptr<Lane>, RateLimit>>;
  static Task<bool> WaitForRoom(std::shared_ptr<Lane> lane, RateLimit limit, std::int64_t tokens,
                                Millis window, Deadline deadline);
  static Task<std::optional<Turn>> EnterAll(Lanes lanes, std::string owner, std::int64_t tokens,
                                            Millis window, Deadline deadline);
  [[nodiscard]] std::shared_ptr<Lane> LaneOf(const std::string& limit);
  static Task<bool> EnterHost(std::shared_ptr<Lane> lane, Deadline deadline,
                              std::optional<HostWindow::Door>& door);
  Millis window_;
  std::filesystem::path host_;
  std::map<std::string, std::shared_ptr<Lane>> lanes_;
};

}  // namespace podium::agents
