#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/records/run_control.h"
#include "base/result.h"

namespace podium::harness {

using records::RunControl;

// What people asked of the run; nothing asked where there is no such file. Blocks.
[[nodiscard]] Result<RunControl> ReadControl(const std::filesystem::path& run_dir);

// Changes it, one process after the other, and gives it the next number. Blocks.
[[nodiscard]] Status ChangeControl(const std::filesystem::path& run_dir,
                                   const std::function<void(RunControl&)>& change);

// While it lives, others find that this process works on the run: RUN/workers/<process>.json.
class WorkerSign {
 public:
  [[nodiscard]] static Result<WorkerSign> Put(const std::filesystem::path& run_dir);
  WorkerSign(WorkerSign&& other) noexcept
      : file_(std::exchange(other.file_, {})), beat_(std::move(other.beat_)) {}
  WorkerSign& operator=(WorkerSign&&) = delete;
  ~WorkerSign();

 private:
  explicit WorkerSign(std::filesystem::path file);
  std::filesystem::path file_;
  std::jthread beat_;  // renews it every kHeartbeat: from other hosts nothing else is seen of it
};

// The processes that work on it now, as "pid 4711 on HOST"; signs of dead ones are removed. Blocks.
[[nodiscard]] std::vector<std::string> WorkersOf(const std::filesystem::path& run_dir,
                                                 const Clock& clock);

}  // namespace podium::harness
