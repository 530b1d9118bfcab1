#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "harness/plan/machine.h"
#include "sandbox/gpu/devices.h"

namespace podium::harness {

// What one process holds of its host for the programs that it runs.
struct HostShare {
  double cores = 0;
  std::uint64_t memory_bytes = 0;
  std::vector<sandbox::GpuDevices::Device> gpus;
};

// What all processes of this host hold together: each has a file DIR/shares/<process>.json, which
// it changes under one lock. A file whose process has died counts no more, so that nothing is
// leaked. On one thread. Calls take microseconds, and give up after kSharesLockTime where somebody
// keeps the lock.
class HostShares {
 public:
  // `dir`: $PODIUM_HOST_STATE, which several users may share, else sandbox::HostDir().
  [[nodiscard]] static Result<HostShares> Open(const std::filesystem::path& dir);
  [[nodiscard]] static std::filesystem::path DefaultDir();
  HostShares(HostShares&&) noexcept = default;
  HostShares& operator=(HostShares&&) = delete;
  ~HostShares();

  // Says that this process holds `mine` now, all in all, unless that is more than what others leave
  // of the machine, or reaches a GPU of theirs. "", or why not: "pid 4711 on host holds 2 cores
  // ...".
  [[nodiscard]] Result<std::string> TryHold(const HostShare& mine, const Machine& machine);
  // The same where it became less.
  [[nodiscard]] Status Lower(const HostShare& mine);

 private:
  HostShares(std::filesystem::path dir, std::filesystem::path file)
      : dir_(std::move(dir)), file_(std::move(file)) {}
  [[nodiscard]] Status Write(const HostShare& mine);

  std::filesystem::path dir_, file_;
  UniqueFd fd_;
};

}  // namespace podium::harness
