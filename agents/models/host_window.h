#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agents/models/host_file.h"
#include "base/clock.h"
#include "base/result.h"

namespace podium::agents {

// What all Podium processes of this host have used of one limit a minute. One process at a time
// looks for room and uses it (the door); one that dies leaves the door open, and what it used
// counts until its window has passed. On the event loop's thread.
class HostWindow {
  struct State;

 public:
  // Blocks.
  [[nodiscard]] static Result<HostWindow> Open(const std::filesystem::path& folder,
                                               const std::string& limit);

  // A call, as the window counts it.
  struct Use {
    SteadyTime at{};
    std::int64_t tokens = 0;
  };

  // The door, until destruction or Leave.
  class Door {
   public:
    Door(Door&& other) noexcept = default;
    Door& operator=(Door&&) = delete;
    ~Door();
    // Writes one use down, and lets others in. Returns its number.
    std::int64_t Leave(Use use, Millis window);

   private:
    friend class HostWindow;
    explicit Door(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
  };

  // Who waits for the door and does not get it is seen by the others, who let it in before they
  // enter again.
  class Wait {
   public:
    explicit Wait(HostWindow& window) : state_(window.state_) {}
    ~Wait();
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    [[nodiscard]] std::optional<Door> TryEnter();

   private:
    std::shared_ptr<State> state_;
    bool seen_ = false;
  };

  // Those within the window, oldest first.
  [[nodiscard]] std::vector<Use> Uses(Millis window) const;
  // What the use of this number was in the end.
  void Settle(std::int64_t number, std::int64_t tokens);

 private:
  explicit HostWindow(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace podium::agents
