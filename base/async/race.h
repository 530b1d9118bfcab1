#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/async/reactor.h"

namespace podium {

// Runs them together. The first that ends cancels the others, which are waited for; returns its
// place. One that throws has not ended: the others go on, and where all throw an exception leaves.
[[nodiscard]] Task<std::size_t> FirstOf(std::vector<Task<void>> tasks);

// Runs them together to their ends. The first that throws cancels the others; its exception leaves.
Task<void> AllOf(std::vector<Task<void>> tasks);

template <class T>
using RaceValue = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class V>
using RaceSlots = std::shared_ptr<std::vector<std::optional<V>>>;

template <class V, std::size_t kPlace, class T>
Task<void> RaceTo(Task<T> task, RaceSlots<V> slots) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(task);
    (*slots)[kPlace].emplace(std::in_place_index<kPlace>);
  } else {
    T value = co_await std::move(task);
    (*slots)[kPlace].emplace(std::in_place_index<kPlace>, std::move(value));
  }
}

template <class V>
Task<V> RaceWinner(std::vector<Task<void>> tasks, RaceSlots<V> slots) {
  std::size_t first = co_await FirstOf(std::move(tasks));
  co_return std::move(*(*slots)[first]);
}

template <class V, class... T, std::size_t... kPlaces>
Task<V> RaceOf(std::index_sequence<kPlaces...>, Task<T>... tasks) {
  auto slots = std::make_shared<std::vector<std::optional<V>>>(sizeof...(T));
  std::vector<Task<void>> all;
  (all.push_back(RaceTo<V, kPlaces>(std::move(tasks), slots)), ...);
  return RaceWinner<V>(std::move(all), std::move(slots));
}

// FirstOf with the value of the first (std::monostate for a Task<void>). Where Asio's `a || b`
// would build its machinery anew for every pair of types, only the values' keeping is built here.
template <class... T>
[[nodiscard]] Task<std::variant<RaceValue<T>...>> Race(Task<T>... tasks) {
  return RaceOf<std::variant<RaceValue<T>...>>(std::index_sequence_for<T...>(),
                                               std::move(tasks)...);
}

// AllOf with both values.
template <class A, class B>
[[nodiscard]] Task<std::pair<A, B>> Together(Task<A> a, Task<B> b) {
  using V = std::variant<A, B>;
  auto slots = std::make_shared<std::vector<std::optional<V>>>(2);
  std::vector<Task<void>> all;
  all.push_back(RaceTo<V, 0>(std::move(a), slots));
  all.push_back(RaceTo<V, 1>(std::move(b), slots));
  co_await AllOf(std::move(all));
  co_return std::pair<A, B>(std::get<0>(std::move(*(*slots)[0])),
                            std::get<1>(std::move(*(*slots)[1])));
}

}  // namespace podium
