#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "sandbox/oci/host_paths.h"
#include "sandbox/sandbox.h"

namespace podium::sandbox {

// The OCI runtime configuration (config.json of a bundle) of a sandbox whose file systems are made.
// `seccomp_json`: the text of configs/sandboxes/seccomp.json.
[[nodiscard]] Result<std::string> MakeOciConfig(const HostPaths& paths, const SandboxSpec& spec,
                                                std::uint32_t first_id,
                                                const std::string& seccomp_json);

// What that configuration enforces and by what, for the isolation record.
void DescribeIsolation(const SandboxSpec& spec, const std::string& disk, IsolationRecord& record);

}  // namespace podium::sandbox
