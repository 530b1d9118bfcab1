#pragma once

#include <type_traits>
#include <utility>

#include "agents/models/trial_models.h"

namespace podium::agents {

// An answer of a model is read on the loop up to this size; a larger one apart, so that the answers
// of other trials are not kept waiting.
inline constexpr std::size_t kReadOnLoop = std::size_t{1} << 20;

// Never on the loop, one at a time of a trial, and then as long a rest: what an agent sends costs
// the host half a core at most, and other trials nothing.
template <class F>
Task<std::invoke_result_t<F>> Apart(TrialModels& models, F function) {
  auto place = co_await models.parsing().Take("", Deadline::Never());
  Deadline::Clock::duration worked{};
  auto timed = [&worked, function = std::move(function)]() mutable {
    auto begun = SteadyNow();
    auto out = function();
    worked = SteadyNow() - begun;
    return out;
  };
  auto out = co_await models.reactor().Blocking(std::move(timed), Pool::kTransfer);
  models.parsing().RestUntil(SteadyNow() + worked);
  co_return out;
}

}  // namespace podium::agents
