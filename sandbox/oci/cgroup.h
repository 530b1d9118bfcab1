#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "sandbox/oci/host_paths.h"

namespace podium::sandbox {

// The counters of a sandbox's control groups, on v1, hybrid and v2 hosts alike.
class CgroupCounters {
 public:
  explicit CgroupCounters(std::vector<CgroupDir> dirs) : dirs_(std::move(dirs)) {}
  [[nodiscard]] std::uint64_t OomKills() const;      // processes the kernel killed for memory
  [[nodiscard]] std::uint64_t ForkRefusals() const;  // forks refused by the pids limit
  [[nodiscard]] std::uint64_t MemoryPeak() const;    // bytes
  [[nodiscard]] Millis Cpu() const;
  // False when no memory or no pids controller holds the sandbox: its limits would not be enforced.
  [[nodiscard]] bool Enforces(const char* controller) const;

 private:
  [[nodiscard]] std::uint64_t Number(const char* controller, const char* v1_file,
                                     const char* v2_file) const;
  [[nodiscard]] std::uint64_t Keyed(const char* controller, const char* v1_file,
                                    const char* v2_file, const char* key) const;
  std::vector<CgroupDir> dirs_;
};

}  // namespace podium::sandbox
