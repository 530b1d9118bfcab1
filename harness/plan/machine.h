#pragma once

#include <cstdint>

namespace podium::harness {

// What a run's trials share: they never take more of it together.
struct Machine {
  double cores = 1;
  std::uint64_t memory_bytes = 0;
};
[[nodiscard]] Machine ThisMachine();

// Physical memory of this machine, in bytes.
[[nodiscard]] std::uint64_t TotalMemory();

}  // namespace podium::harness
