#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/spec.h"

namespace podium::sandbox {

// Copies what a stack of layers shows into one layer, on a thread of its own, while the sandbox
// goes on above them. One stack at a time; calls come one at a time.
class Flattener {
 public:
  Flattener();
  ~Flattener();
  Flattener(const Flattener&) = delete;
  Flattener& operator=(const Flattener&) = delete;

  struct Job {
    std::vector<Snapshot::Layer> stack;       // topmost first, at least two
    std::vector<std::filesystem::path> view;  // the same as folders of this sandbox's ids
    std::filesystem::path scratch;            // an empty folder to mount them at
    Snapshot::Layer flat;                     // made, on the same disk
  };
  // Not while busy.
  void Start(Job job);
  [[nodiscard]] bool busy() const { return thread_.joinable() && !done_; }
  // Waits for the copy under way; why it failed, if it did. One that is not done by the deadline
  // goes on, and the error is kTimeout.
  [[nodiscard]] Status Wait(Deadline deadline);
  // Ends the copy under way, half made.
  void Cancel();

  // The layers with the copy in place of the stack that it was made of, where they end in that
  // stack and the copy is whole; else as they are.
  [[nodiscard]] std::vector<Snapshot::Layer> Shortened(std::vector<Snapshot::Layer> layers);

 private:
  void Copy();
  Status Join();

  Job job_;
  bool whole_ = false;  // job_.flat stands for job_.stack
  std::thread thread_;
  Status result_;  // the thread's, until done_
  std::atomic<bool> done_ = false;
  std::mutex mutex_;  // with ended_: for those who wait until done_
  std::condition_variable ended_;
  UniqueFd stop_;  // an eventfd
};

}  // namespace podium::sandbox
