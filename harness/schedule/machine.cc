#include "harness/schedule/machine.h"

#include <unistd.h>

namespace podium::harness {

std::uint64_t TotalMemory() {
  auto pages = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace podium::harness
