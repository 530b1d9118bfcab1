#pragma once

#include <cstdint>

namespace podium::harness {

// Physical memory of this machine, in bytes.
[[nodiscard]] std::uint64_t TotalMemory();

}  // namespace podium::harness
