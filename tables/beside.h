#pragma once

#include <functional>
#include <future>
#include <system_error>
#include <utility>

namespace podium {

// Work that is done beside its maker's, on a thread of its own where that is worth it and one can
// be had, else in Get. What the work refers to must outlive this; destruction waits.
template <class T>
class Beside {
 public:
  explicit Beside(std::function<T()> work, bool worth_a_thread = true) : work_(std::move(work)) {
    if (!worth_a_thread) return;
    try {
      result_ = std::async(std::launch::async, work_);
    } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch)
      // No thread: Get does it.
    }
  }
  // Once.
  T Get() { return result_.valid() ? result_.get() : work_(); }

 private:
  std::function<T()> work_;
  std::future<T> result_;
};

}  // namespace podium
