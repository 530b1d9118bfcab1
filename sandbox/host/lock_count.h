#pragma once

#include <cstddef>
#include <vector>

#include "sandbox/host/host_paths.h"

namespace podium::sandbox {

// How many file locks a sandbox holds, by /proc/locks: those of its processes, and those on its own
// file systems, whose owner may have ended. No control group accounts for their memory (some 200
// bytes each). Reads on until `enough` were found, twice as many lines at most: the kernel stops
// all who lock for each page of them. `init_pid`: of the host. Blocking.
[[nodiscard]] std::size_t CountLocks(int init_pid, const std::vector<CgroupDir>& groups,
                                     std::size_t enough);

}  // namespace podium::sandbox
