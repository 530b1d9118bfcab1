#pragma once

#include <optional>

#include "base/clock.h"

namespace podium::sandbox {

// For how long, since the host began, some process on it has waited for a core, for memory, for a
// disk: "some" of the kernel's /proc/pressure (Linux 4.20, CONFIG_PSI). None where it does not
// tell.
struct HostPressure {
  std::optional<Millis> cpu, memory, io;
};
[[nodiscard]] HostPressure ReadHostPressure();

}  // namespace podium::sandbox
