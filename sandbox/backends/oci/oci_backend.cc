#include "sandbox/backends/oci/oci_backend.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"
#include "sandbox/backends/oci/config.h"
#include "sandbox/backends/oci/removal.h"
#include "sandbox/backends/oci/runtime.h"
#include "sandbox/container/contained.h"
#include "sandbox/host/delegation.h"
#include "sandbox/host/device_nodes.h"
#include "sandbox/host/mounts.h"
#include "sandbox/host/rootless.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

// A shell that enters the control groups and becomes the runtime.
std::vector<std::string> InGroups(const std::vector<fs::path>& groups,
                                  const std::vector<std::string>& command) {
  std::vector<std::string> out = {
      "sh", "-c",
      "while [ \"$1\" != -- ]; do echo $$ > \"$1\" || exit 97; shift; done; shift; exec \"$@\"",
      "podium"};
  for (const auto& group : groups) out.push_back(group.string());
  out.emplace_back("--");
  out.insert(out.end(), command.begin(), command.end());
  return out;
}

// Of the inodes in /proc/self/ns every one is then the sandbox's own; runtimes make no time
// namespace before runc 1.2. It takes effect for the runtime's children.
bool OwnTimeNamespace(const OciRuntime& runtime, const SandboxSpec& spec) {
  return !runtime.user_space_kernel && !spec.without.contains(Mitigation::kOwnTimeNamespace) &&
         ::access("/proc/self/ns/time", F_OK) == 0;
}

// The command in a mount namespace of its own where /dev/null is this node: crun covers files of
// /proc with the one that it sees, which would be the host's and so every sandbox's.
std::vector<std::string> WithNullDevice(const fs::path& node,
                                        const std::vector<std::string>& command) {
  std::vector<std::string> out = {"unshare",
                                  "--mount",
                                  "--propagation",
                                  "private",
                                  "sh",
                                  "-c",
                                  "mount --bind \"$1\" /dev/null || exit 98; shift; exec \"$@\"",
                                  "podium",
                                  node.string()};
  out.insert(out.end(), command.begin(), command.end());
  return out;
}

Status Launch(const OciRuntime& runtime, ContainerParts& parts, const SandboxSpec& spec,
              const std::string& seccomp, Deadline deadline) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return FailErrno(ErrorCode::kSandbox, "socketpair", errno);
  parts.socket = UniqueFd(pair[0]);
  UniqueFd inner(pair[1]);
  std::error_code ec;
  fs::path init = parts.paths.init();
  if (!fs::copy_file(ProgramDir() / "podium-init", init, ec))
    return FailErrno(ErrorCode::kSandbox, "cannot copy " + (ProgramDir() / "podium-init").string(),
                     ec.value());
  fs::permissions(init, fs::perms(0555), ec);
  bool user_ns = !spec.without.contains(Mitigation::kUserNamespace);
  std::uint32_t first_id = user_ns ? parts.ids->first() : 0;
  if (runtime.relays) PODIUM_TRY(MakeDir(parts.paths.sockets(), 0, 0755));
  PODIUM_ASSIGN(auto config, MakeOciConfig(parts.paths, spec, first_id, seccomp, runtime.relays));
  PODIUM_TRY(WriteOwnFile(parts.paths.base / "config.json", config));
  PODIUM_TRY(MakeDirs(RuntimeState(runtime.name)));
  fs::path pid_file = parts.paths.base / "pid";
  ProcessSpec run;
  run.argv = runtime.RunCommand(parts.paths, pid_file.string());
  if (runtime.own_cgroups) {
    SandboxSpec host = spec;
    // The group counts the kernel's own threads: under ptrace some eight a process of the agent.
    host.limits.pids = 128 + 8 * spec.limits.pids;
    PODIUM_ASSIGN(auto groups, MakeCgroups(parts.paths.cgroup(), host));
    run.argv = InGroups(groups, run.argv);
  }
  if (OwnTimeNamespace(runtime, spec))
    run.argv.insert(run.argv.begin(), {"unshare", "--time", "--"});
  if (runtime.name == "crun" && OwnDeviceNodes(parts.paths, spec))
    run.argv = WithNullDevice(parts.paths.base / "dev" / "null", run.argv);
  run.pass_fds = {{0, inner.get()}};
  auto ran = RunTool(run, deadline);
  if (!ran) return Fail(ErrorCode::kSandbox, "the container did not start: " + ran.error().message);
  PODIUM_ASSIGN(auto pid_text, ReadFile(pid_file, 64));
  parts.init_pid = std::atoi(pid_text.c_str());
  parts.pidfd = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, parts.init_pid, 0)));
  if (!parts.pidfd)
    return FailErrno(ErrorCode::kSandbox, "pidfd_open of the container's init", errno);
  return {};
}

// Everything that blocks between the spec and a running init.
Result<ContainerParts> MakeParts(const OciRuntime& runtime, const SandboxSpec& spec,
                                 Deadline deadline) {
  if (runtime.user_space_kernel && !spec.gpus.empty())
    return Fail(ErrorCode::kUsage, "a GPU (" + Join(spec.gpus.Names(), ", ") + ") in " +
                                       runtime.name +
                                       " needs its nvproxy, which Podium has not tried: use runc, "
                                       "or leave limits.gpus out");
  ContainerParts parts;
  parts.remove = RemoveOciSandbox;
  parts.paths = HostPaths::For(spec.state_dir, spec.id);
  parts.paths.backend = runtime.name;
  if (IsRootless()) {
    parts.paths.groups = TakeDelegation().parents;
    parts.required = {"memory", "pids", "cpu"};
    if (PidsByRlimit()) parts.required = {"memory", "cpu"};
  }
  parts.cgroup_name = parts.paths.cgroup();
  parts.own_mounts = parts.can_freeze = !runtime.user_space_kernel;
  parts.relays = runtime.relays;
  PODIUM_ASSIGN(auto seccomp,
                ReadFile(ShareDir() / "configs" / "sandboxes" / "seccomp.json", 1 << 20));
  PODIUM_TRY(MakeDirs(spec.state_dir));
  if (spec.without.contains(Mitigation::kPrivateTmp)) {
    PODIUM_TRY(MakeDir(SharedTmp(), 0, 01777));
  }
  PODIUM_TRY(WriteRecord(parts.paths));
  std::string disk;
  auto made = [&]() -> Status {
    PODIUM_ASSIGN(auto ids, IdRange::Take());
    parts.ids.emplace(std::move(ids));
    IdShift shift{spec.without.contains(Mitigation::kUserNamespace) ? 0 : parts.ids->first()};
    PODIUM_ASSIGN(disk, MakeFileSystems(parts.paths, spec, shift, deadline));
    PODIUM_ASSIGN(auto workspace, Workspace::Make(parts.paths, spec, shift));
    parts.workspace.emplace(std::move(workspace));
    return Launch(runtime, parts, spec, seccomp, deadline);
  }();
  if (made) {
    parts.isolation.backend =
        "oci:" + runtime.name + " " + runtime.version + (IsRootless() ? ", rootless" : "");
    DescribeIsolation(spec, disk, parts.isolation);
    if (runtime.user_space_kernel) DescribeUserSpaceKernel(parts.isolation);
    if (IsRootless()) DescribeRootless(spec, parts.isolation);
    return parts;
  }
  if (parts.workspace) parts.workspace->Close();
  if (auto removed = RemoveOciSandbox(parts.paths, Deadline::In(kRemovalTime)); !removed)
    LogError(removed.error().message);
  return tl::unexpected(made.error());
}

class OciBackend final : public Backend {
 public:
  OciBackend(Reactor& reactor, OciRuntime runtime)
      : reactor_(reactor), runtime_(std::move(runtime)) {}

  Task<Result<std::unique_ptr<Sandbox>>> Create(SandboxSpec spec, Deadline deadline) override {
    auto job = [runtime = runtime_, spec, deadline] { return MakeParts(runtime, spec, deadline); };
    auto parts = co_await reactor_.Blocking(std::move(job));
    if (!parts) co_return tl::unexpected(parts.error());
    co_return co_await StartContained(reactor_, std::move(*parts), std::move(spec), deadline);
  }

 private:
  Reactor& reactor_;
  OciRuntime runtime_;
};

}  // namespace

Result<std::unique_ptr<Backend>> MakeOciBackend(const std::string& runtime, Reactor& reactor) {
  PODIUM_ASSIGN(auto found, FindOciRuntime(runtime));
  return std::make_unique<OciBackend>(reactor, std::move(found));
}

}  // namespace podium::sandbox
