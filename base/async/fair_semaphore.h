#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/async/reactor.h"
#include "base/clock.h"

namespace podium {

// Places for the coroutines of one event loop. Those who wait are served round robin by their
// owner, and in order within one: an owner waits for its own and for one of each other owner,
// however many another asks for. On the loop's thread; permits and waits may outlive it.
class FairSemaphore {
  struct State;
  struct Waiter;
  struct InQueue;

 public:
  explicit FairSemaphore(int places);
  ~FairSemaphore();
  FairSemaphore(const FairSemaphore&) = delete;
  FairSemaphore& operator=(const FairSemaphore&) = delete;

  // A place, until destruction or Release.
  class Permit {
   public:
    explicit Permit(std::shared_ptr<State> state) : state_(std::move(state)) {}
    Permit(Permit&& other) noexcept = default;
    Permit& operator=(Permit&&) = delete;
    ~Permit() { Release(); }
    void Release();

   private:
    std::shared_ptr<State> state_;
  };

  // Waits for a place; nothing once the deadline has passed. A wait that is cancelled throws, as
  // Asio's do, and leaves its turn to the next, even where its place was set aside already.
  [[nodiscard]] Task<std::optional<Permit>> Take(std::string owner, Deadline deadline);

  // From now on there are so many places (at least 1). Fewer than are taken: whoever has one keeps
  // it, and nobody gets one until enough came back.
  void Resize(int places);
  [[nodiscard]] int places() const;

  // Nobody gets a place before. An earlier time than one that was set changes nothing.
  void RestUntil(SteadyTime until);
  [[nodiscard]] bool resting() const;

 private:
  static Task<std::optional<Permit>> TakeFrom(std::shared_ptr<State> state, std::string owner,
                                              Deadline deadline);
  std::shared_ptr<State> state_;
};

}  // namespace podium
