#include "harness/plan/machine.h"

#include <unistd.h>

#include <algorithm>
#include <thread>

namespace podium::harness {

Machine ThisMachine() {
  return {.cores = static_cast<double>(std::max(1u, std::thread::hardware_concurrency())),
          .memory_bytes = TotalMemory()};
}

std::uint64_t TotalMemory() {
  auto pages = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace podium::harness
