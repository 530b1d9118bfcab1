#pragma once

#include "base/clock.h"
#include "base/result.h"

namespace podium::sandbox {

// Removes whatever dead processes left on this host (containers, mounts, loop devices, cgroups,
// files), of any run and backend; touches nothing whose owner lives. One process at a time does so;
// another returns 0 at once. Returns how many sandboxes were removed. Blocking.
[[nodiscard]] Result<int> ReapDead(Deadline deadline);

}  // namespace podium::sandbox
