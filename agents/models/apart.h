#pragma once

// For .cc files: it brings Asio.

#include <type_traits>
#include <utility>

#include "agents/models/one_at_a_time.h"
#include "agents/models/trial_models.h"

namespace podium::agents {

// Never on the loop, one at a time of a trial, and then as long a rest: what an agent sends costs
// the host half a core at most, and other trials nothing.
template <class F>
Task<std::invoke_result_t<F>> Apart(TrialModels& models, F function) {
  auto place = co_await models.parsing().Enter();
  Deadline::Clock::duration worked{};
  auto timed = [&worked, function = std::move(function)]() mutable {
    auto begun = SteadyNow();
    auto out = function();
    worked = SteadyNow() - begun;
    return out;
  };
  auto out = co_await models.reactor().Blocking(std::move(timed), Pool::kTransfer);
  place.Rest(Deadline(SteadyNow() + worked));
  co_return out;
}

}  // namespace podium::agents
