#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/container/init_channel.h"
#include "sandbox/host/cgroup.h"
#include "sandbox/host/host_paths.h"
#include "sandbox/host/mounts.h"
#include "sandbox/host/workspace.h"
#include "sandbox/sandbox.h"

namespace podium::sandbox {

// What a backend has made when podium-init runs.
struct ContainerParts {
  HostPaths paths;
  std::optional<IdRange> ids;
  std::optional<Workspace> workspace;
  UniqueFd socket;  // to podium-init
  UniqueFd pidfd;   // of the process whose end is the container's
  int init_pid = 0;
  std::string cgroup_name;  // last part of the container's group, by which it is known as ours
  bool own_mounts = true;   // /home can be replaced from outside while it runs
  bool can_freeze = true;   // gVisor's traced threads never stand still
  bool own_limits = true;   // what is required is limited by the groups of init_pid
  std::vector<const char*> required = {"memory", "pids"};  // controllers that must hold it
  // Removes the container and all that was made for it; whatever is already gone is no error.
  Status (*remove)(const HostPaths& paths, Deadline deadline) = nullptr;
  bool relays = false;  // what connects inside is relayed to a socket in paths.sockets()
  IsolationRecord isolation;
};

// A sandbox around a container with podium-init: everything but how the container was made.
[[nodiscard]] Task<Result<std::unique_ptr<Sandbox>>> StartContained(Reactor& reactor,
                                                                    ContainerParts parts,
                                                                    SandboxSpec spec,
                                                                    Deadline deadline);

}  // namespace podium::sandbox
