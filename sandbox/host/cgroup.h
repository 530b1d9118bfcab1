#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sandbox/host/host_paths.h"
#include "sandbox/spec.h"

namespace podium::sandbox {

// On v1 a memory group counts TCP buffers apart, and without a limit of their own they have none.
[[nodiscard]] bool CountsTcpApart();
// That limit: a quarter of the memory, 128 MiB at most.
[[nodiscard]] std::uint64_t TcpBytes(const SandboxSpec& spec);

// File locks of one sandbox: far more than a program holds, and few enough to be counted.
inline constexpr std::size_t kMostLocks = 4000;

// The counters of a sandbox's control groups, on v1, hybrid and v2 hosts alike.
class CgroupCounters {
 public:
  explicit CgroupCounters(std::vector<CgroupDir> dirs) : dirs_(std::move(dirs)) {}
  [[nodiscard]] std::uint64_t OomKills() const;      // processes the kernel killed for memory
  [[nodiscard]] std::uint64_t ForkRefusals() const;  // forks refused by the pids limit
  [[nodiscard]] std::uint64_t MemoryPeak() const;    // bytes
  [[nodiscard]] Millis Cpu() const;
  [[nodiscard]] Millis Throttled() const;
  // False when no such controller ("memory", "pids", "cpu") holds the sandbox: its limits would not
  // be enforced.
  [[nodiscard]] bool Enforces(const char* controller) const;

 private:
  [[nodiscard]] std::uint64_t Number(const char* controller, const char* v1_file,
                                     const char* v2_file) const;
  [[nodiscard]] std::uint64_t Keyed(const char* controller, const char* v1_file,
                                    const char* v2_file, const char* key) const;
  std::vector<CgroupDir> dirs_;
};

// Sets that limit, which no runtime sets any more. False where it does not hold afterwards.
[[nodiscard]] bool LimitTcp(const std::vector<CgroupDir>& dirs, std::uint64_t bytes);

// Makes a group of this name with the sandbox's limits under every controller of the host, for
// runtimes that leave this to us, and returns the files ("cgroup.procs") to write a process's
// number to. What spec.without names is not limited.
[[nodiscard]] Result<std::vector<std::filesystem::path>> MakeCgroups(const std::string& name,
                                                                     const SandboxSpec& spec);

// Stops every process of the groups at once, where the host has a freezer (v1 or v2); waits until
// they stand still.
[[nodiscard]] Status FreezeGroups(const std::vector<CgroupDir>& dirs, Deadline deadline);
void ThawGroups(const std::vector<CgroupDir>& dirs);
// SIGKILL to every process of the groups; cgroup.kill where the kernel has it.
void KillGroups(const std::vector<CgroupDir>& dirs);
// The same for all but one process, while they stand still; nothing where no group is frozen.
void KillOthers(const std::vector<CgroupDir>& dirs, int spared);

}  // namespace podium::sandbox
