#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sandbox/host/host_paths.h"

namespace podium::sandbox {

// An OCI runtime of this host: how it is called and what it leaves to us.
struct OciRuntime {
  std::string name;                // "runc", "crun", "runsc"
  std::string version;             // "1.1.5+ds1"
  bool user_space_kernel = false;  // gVisor: host system calls are not the agent's
  bool own_cgroups = false;        // we make the control groups it is started in
  bool relays = false;             // its sockets are no descriptors: connections are relayed
  // Mount points of cgroup v2 that it must not see, for it would not start.
  std::vector<std::string> hidden_mounts;

  // Starts the container of paths.base/config.json in the background; its descriptor 0 is passed
  // on.
  [[nodiscard]] std::vector<std::string> RunCommand(const HostPaths& paths,
                                                    const std::string& pid_file) const;
};

// The runtime and its version, or an error that says what is missing or why it cannot be used.
[[nodiscard]] Result<OciRuntime> FindOciRuntime(const std::string& name);

// Where a runtime keeps its state; one folder a runtime, ours alone.
[[nodiscard]] std::filesystem::path RuntimeState(const std::string& name);

}  // namespace podium::sandbox
