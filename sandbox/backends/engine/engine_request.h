#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "sandbox/host/host_paths.h"
#include "sandbox/spec.h"

namespace podium::sandbox {

// What an engine is asked for, so that it starts podium-init in a container with a sandbox's file
// systems and limits. Both write what the container mounts below paths.base.
struct EngineRequest {
  std::string path;  // what the request is POSTed to
  Json body;
};

// Docker: an image of its own store under a read-only root, and no user namespace, so that the
// agent is the host's user `first_id` + kAgentId and podium-init `first_id` + kInitId.
[[nodiscard]] Result<EngineRequest> DockerRequest(const HostPaths& paths, const SandboxSpec& spec,
                                                  std::uint32_t first_id, const std::string& image);

// Podman 4: the configuration of an OCI runtime in the words of Podman's own API, with our root and
// a user namespace. Its Docker-compatible API knows neither, and leaves out unsaid what it does not
// know (CgroupnsMode, IpcMode, the tag of an import).
[[nodiscard]] Result<EngineRequest> PodmanRequest(const HostPaths& paths, const SandboxSpec& spec,
                                                  std::uint32_t first_id);

// Where podium-init connects to the host: in paths.sockets(), as it is seen inside.
inline constexpr const char* kSocketInside = "/.podium/host";

}  // namespace podium::sandbox
