#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "sandbox/host/host_paths.h"

namespace podium::sandbox {

// What every backend's sandbox leaves on the host; a backend calls them when its container is gone.
// Whatever is already gone is no error. Blocking.

// The sandbox's group under every controller, and whoever is still in it.
[[nodiscard]] Status RemoveCgroups(const HostPaths& paths, Deadline deadline);
// Mounts, folder, disk, and at last the record.
[[nodiscard]] Status RemoveFiles(const HostPaths& paths);

// Whether the process that wrote this record lives. The records are this machine's, so an owner of
// another boot is dead; one in another pid namespace cannot be looked for and counts as alive.
[[nodiscard]] bool OwnerLives(const std::string& record);
// Whether the owner of any record is alive.
[[nodiscard]] bool AnySandboxLives();

}  // namespace podium::sandbox
