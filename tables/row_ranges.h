#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <thread>

#include "tables/beside.h"
#include "tables/fault.h"

namespace podium {

// Some consecutive rows.
struct RowRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Calls `work` with ranges that make up all rows, each on a thread of its own but the first;
// `worth_a_thread` rows at least each. The fault is that of the first range that has one.
template <class Work>
[[nodiscard]] Graded<void> InRowRanges(std::size_t rows, std::size_t worth_a_thread,
                                       const Work& work) {
  constexpr std::size_t kMaxThreads = 8;
  std::size_t parts = std::min(rows / worth_a_thread, kMaxThreads);
  if (parts > 1) parts = std::min(parts, std::size_t{std::thread::hardware_concurrency()});
  parts = std::max(parts, std::size_t{1});
  auto range = [&](std::size_t i) { return RowRange{rows * i / parts, rows * (i + 1) / parts}; };
  std::deque<Beside<Graded<void>>> others;
  for (std::size_t i = 1; i < parts; ++i)
    others.emplace_back([&work, rows_of_part = range(i)] { return work(rows_of_part); });
  Graded<void> done = work(range(0));
  for (auto& other : others) {
    auto more = other.Get();
    if (done) done = std::move(more);
  }
  return done;
}

}  // namespace podium
