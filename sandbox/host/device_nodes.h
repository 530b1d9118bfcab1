#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"
#include "sandbox/host/host_paths.h"
#include "sandbox/host/mounts.h"
#include "sandbox/spec.h"

namespace podium::sandbox {

struct DeviceNode {
  std::filesystem::path path;
  char type = 'c';  // 'c' or 'b'
  unsigned major = 0, minor = 0;
};
[[nodiscard]] Result<std::vector<DeviceNode>> LookAtDevices(
    const std::vector<std::filesystem::path>& paths);

// Whether a sandbox's /dev is one that MakeDeviceNodes made. Not rootless, where no node can be
// made, nor in gVisor, whose devices are its own, nor in Docker, which makes its own.
[[nodiscard]] bool OwnDeviceNodes(const HostPaths& paths, const SandboxSpec& spec);

// Makes the sandbox's /dev at paths.base/dev: a memory file system with null, zero, full, random,
// urandom, tty and the devices that the sandbox is given. A runtime in a user namespace would bind
// the host's own nodes instead, and locks, watches and times of one inode are seen by all who have
// it.
[[nodiscard]] Status MakeDeviceNodes(const HostPaths& paths, const SandboxSpec& spec, IdShift ids);

}  // namespace podium::sandbox
