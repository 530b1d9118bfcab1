#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "sandbox/host/host_paths.h"
#include "sandbox/spec.h"

namespace podium::sandbox {

// Mounts a file system of limits.disk_bytes and limits.inodes at paths.base/disk: an ext4 file on a
// loop device that frees itself with its last mount, made from a template of that size; where loop
// devices are missing (rootless always), a sized tmpfs. Returns how the disk is limited, for the
// isolation record. Blocking.
[[nodiscard]] Result<std::string> MountDisk(const HostPaths& paths, const SandboxSpec& spec,
                                            Deadline deadline);

}  // namespace podium::sandbox
