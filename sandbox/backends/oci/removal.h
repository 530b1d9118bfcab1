#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "sandbox/host/host_paths.h"

namespace podium::sandbox {

// Removes a runtime's container with all that Podium made for it; whatever is already gone is no
// error. Blocking.
[[nodiscard]] Status RemoveOciSandbox(const HostPaths& paths, Deadline deadline);

}  // namespace podium::sandbox
