#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "sandbox/host/host_paths.h"
#include "sandbox/spec.h"

namespace podium::sandbox {

// The OCI runtime configuration (config.json of a bundle) of a sandbox whose file systems are made.
// `seccomp_json`: the text of configs/sandboxes/seccomp.json. `sockets`: paths.sockets() is shown
// at /.podium. What spec.without names is left out.
[[nodiscard]] Result<std::string> MakeOciConfig(const HostPaths& paths, const SandboxSpec& spec,
                                                std::uint32_t first_id,
                                                const std::string& seccomp_json, bool sockets);

// What podium-init is started with, as root inside, and the arguments that say whom it and its
// commands become; `first_id`: added to their numbers where there is no user namespace.
[[nodiscard]] std::vector<std::string> InitCapabilities();
[[nodiscard]] std::vector<std::string> InitUsers(std::uint32_t first_id);

// The profile as runtimes and engines take it: without our comments, and "exceptInit": N (the
// call's argument N is a process that is not PID 1) written out.
[[nodiscard]] Result<Json> ReadSeccompProfile(const std::string& text);

// By which the kernel knows SandboxSpec::first_port of a network namespace.
inline constexpr const char* kFirstPortSysctl = "net.ipv4.ip_unprivileged_port_start";

// A folder of the host that stands in for /tmp when the knock-out run leaves `private-tmp` out.
[[nodiscard]] std::filesystem::path SharedTmp();

// What that configuration enforces and by what, for the isolation record.
void DescribeIsolation(const SandboxSpec& spec, const std::string& disk, IsolationRecord& record);

// The same without root: by what each limit is enforced, if at all.
void DescribeRootless(const SandboxSpec& spec, IsolationRecord& record);

// Rootless and without a group for it: the kernel counts the agent's processes in its namespace.
[[nodiscard]] bool PidsByRlimit();

// The same where the agent's system calls are answered by gVisor's kernel.
void DescribeUserSpaceKernel(IsolationRecord& record);

}  // namespace podium::sandbox
