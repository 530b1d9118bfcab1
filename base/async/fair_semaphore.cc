#include "base/async/fair_semaphore.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <list>
#include <utility>

namespace podium {

namespace asio = boost::asio;

struct FairSemaphore::Waiter {
  asio::steady_timer timer;
  bool granted = false;  // a place is set aside for it
};

struct FairSemaphore::State {
  int places;
  int taken = 0;  // set aside for one who waits, too
  SteadyTime rest_until{};
  // Those who wait, owner by owner; the first owner is the next to be served.
  std::list<std::pair<std::string, std::list<Waiter*>>> owners;

  explicit State(int count) : places(std::max(1, count)) {}

  [[nodiscard]] bool Resting(SteadyTime now) const { return now < rest_until; }

  void Add(const std::string& owner, Waiter& waiter) {
    auto found = std::ranges::find(owners, owner, &decltype(owners)::value_type::first);
    if (found == owners.end()) found = owners.insert(owners.end(), {owner, {}});
    found->second.push_back(&waiter);
  }

  void Remove(Waiter& waiter) {
    for (auto it = owners.begin(); it != owners.end(); ++it) {
      if (std::erase(it->second, &waiter) == 0) continue;
      if (it->second.empty()) owners.erase(it);
      return;
    }
  }

  // Gives every free place to one who waits and wakes it. Whoever then decides how long to wait
  // goes by the same `now`: a rest that ends between two looks at the clock would be waited for
  // by nobody.
  void Grant(SteadyTime now = SteadyNow()) {
    while (taken < places && !owners.empty() && !Resting(now)) {
      auto turn = owners.begin();
      Waiter* next = turn->second.front();
      turn->second.pop_front();
      if (turn->second.empty())
        owners.erase(turn);
      else
        owners.splice(owners.end(), owners, turn);
      ++taken;
      next->granted = true;
      next->timer.cancel();
    }
  }

  void GiveBack() {
    --taken;
    Grant();
  }

  // Lets all who wait look again at how long.
  void WakeAll() {
    for (auto& [owner, waiters] : owners) {
      for (Waiter* waiter : waiters) waiter->timer.cancel();
    }
  }
};

// One wait. Whatever ends it, the queue forgets it, and a place that it was given but did not take
// goes on.
struct FairSemaphore::InQueue {
  std::shared_ptr<State> state;
  Waiter waiter;
  bool took = false;

  InQueue(std::shared_ptr<State> s, const asio::any_io_executor& executor)
      : state(std::move(s)), waiter{asio::steady_timer(executor)} {}
  InQueue(const InQueue&) = delete;
  InQueue& operator=(const InQueue&) = delete;
  ~InQueue() {
    if (!waiter.granted)
      state->Remove(waiter);
    else if (!took)
      state->GiveBack();
  }
};

FairSemaphore::FairSemaphore(int places) : state_(std::make_shared<State>(places)) {}
FairSemaphore::~FairSemaphore() = default;

void FairSemaphore::Permit::Release() {
  if (auto state = std::exchange(state_, nullptr)) state->GiveBack();
}

Task<std::optional<FairSemaphore::Permit>> FairSemaphore::Take(std::string owner,
                                                               Deadline deadline) {
  return TakeFrom(state_, std::move(owner), deadline);
}

Task<std::optional<FairSemaphore::Permit>> FairSemaphore::TakeFrom(std::shared_ptr<State> shared,
                                                                   std::string owner,
                                                                   Deadline deadline) {
  auto executor = co_await asio::this_coro::executor;
  State& state = *shared;
  InQueue place(std::move(shared), executor);
  state.Add(owner, place.waiter);
  for (;;) {
    SteadyTime now = SteadyNow();
    state.Grant(now);
    if (place.waiter.granted) break;
    if (deadline.expired()) co_return std::nullopt;
    place.waiter.timer.expires_at(state.Resting(now) ? std::min(state.rest_until, deadline.at())
                                                     : deadline.at());
    boost::system::error_code ec;
    co_await place.waiter.timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }
  auto cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none)
    throw boost::system::system_error(asio::error::operation_aborted, "a wait for a place");
  place.took = true;
  std::optional<Permit> permit(std::in_place, place.state);
  co_return permit;
}

void FairSemaphore::Resize(int places) {
  state_->places = std::max(1, places);
  state_->Grant();
}

int FairSemaphore::places() const { return state_->places; }

void FairSemaphore::RestUntil(SteadyTime until) {
  if (until <= state_->rest_until) return;
  state_->rest_until = until;
  state_->WakeAll();
}

bool FairSemaphore::resting() const { return state_->Resting(SteadyNow()); }

}  // namespace podium
