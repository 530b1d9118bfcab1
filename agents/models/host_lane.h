#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "agents/models/host_file.h"
#include "base/clock.h"
#include "base/result.h"

namespace podium::agents {

// A provider's turns as all Podium processes of this host have them: how many ask at once, and
// until when nobody does. A process that dies leaves its turns to the others; the last one takes
// all with it. On the event loop's thread.
class HostLane {
  struct State;

 public:
  // Blocks.
  [[nodiscard]] static Result<HostLane> Open(const std::filesystem::path& folder,
                                             const std::string& provider);

  // One of the host's places, until destruction.
  class Place {
   public:
    Place(Place&& other) noexcept
        : state_(std::move(other.state_)), number_(std::exchange(other.number_, -1)) {}
    Place& operator=(Place&&) = delete;
    ~Place();

   private:
    friend class HostLane;
    Place(std::shared_ptr<State> state, std::int64_t number)
        : state_(std::move(state)), number_(number) {}
    std::shared_ptr<State> state_;
    std::int64_t number_;
  };

  // Nothing while all processes together have as many as `most`, or as the provider's recovery
  // allows, or while nobody is to ask.
  [[nodiscard]] std::optional<Place> TryTake(int most);

  // Until when nobody asks.
  [[nodiscard]] SteadyTime RestsUntil() const;
  // An earlier time than one that was set changes nothing.
  void RestUntil(SteadyTime until);
  // What the provider's recovery allows, of `most`.
  [[nodiscard]] int places(int most) const;
  void Resize(int places);

 private:
  explicit HostLane(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace podium::agents
