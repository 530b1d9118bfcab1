#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/spec.h"

namespace podium::sandbox {

// What a container's first process must be like, whatever the engine was asked.
struct ExpectedInit {
  std::uint32_t first_id = 0;   // of the sandbox's range
  bool user_namespace = false;  // one of its own, with that range
};

// An engine that does not know a field of a request leaves it out and says nothing. So the kernel
// is asked what came of it: ids, capabilities, no_new_privs, seccomp, namespaces, mounts, the sizes
// of /tmp and /dev/shm, and memory, pids and CPU of the control groups. An error names what
// differs. Returns what this host cannot limit, where spec.allow_unenforced lets that pass. `pid`
// must be podium-init already, not the runtime on its way there.
[[nodiscard]] Result<std::vector<std::string>> CheckEngineContainer(int pid,
                                                                    const SandboxSpec& spec,
                                                                    const ExpectedInit& expected);

}  // namespace podium::sandbox
