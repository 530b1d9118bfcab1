#include "sandbox/backends/local/local_backend.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/log.h"
#include "sandbox/backends/oci/config.h"
#include "sandbox/backends/oci/removal.h"
#include "sandbox/container/contained.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

// Puts /home and the data in place in a mount namespace of its own, then becomes podium-init. $1:
// the sandbox's folder, $2: podium-init, $3 and $4: whom it and its commands become, then pairs of
// a mounted folder and its place.
constexpr const char* kScript =
    "set -e; base=$1; init=$2; self=$3; agent=$4; shift 4; mount --make-rprivate /; "
    "mount --bind \"$base/home\" /home; "
    "while [ $# -gt 0 ]; do mount --bind \"$1\" \"$2\"; shift 2; done; "
    "cd /; exec setpriv --clear-groups --no-new-privs --inh-caps=-all "
    "--bounding-set=-all,+kill,+setgid,+setuid,+setpcap \"$init\" fd:0 \"$self\" \"$agent\"";

Status Start(ContainerParts& parts, const SandboxSpec& spec) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return FailErrno(ErrorCode::kSandbox, "socketpair", errno);
  parts.socket = UniqueFd(pair[0]);
  UniqueFd inner(pair[1]);
  // A process namespace is kept: it is what ends everything with init.
  std::vector<std::string> args = {"unshare",
                                   "--mount",
                                   "--pid",
                                   "--fork",
                                   "--kill-child",
                                   "--mount-proc",
                                   "sh",
                                   "-c",
                                   kScript,
                                   "podium",
                                   parts.paths.base.string(),
                                   (ProgramDir() / "podium-init").string()};
  for (auto& who : InitUsers(parts.ids->first())) args.push_back(std::move(who));
  for (std::size_t i = 0; i < spec.data.size(); ++i) {
    args.push_back((parts.paths.base / ("data" + std::to_string(i))).string());
    args.push_back(spec.data[i].inside);
  }
  std::vector<char*> argv;
  for (auto& a : args) argv.push_back(a.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, inner.get(), 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 2, (parts.paths.base / "start.log").c_str(),
                                     O_WRONLY | O_CREAT, 0644);
  pid_t pid = -1;
  int error = ::posix_spawnp(&pid, "unshare", &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return FailErrno(ErrorCode::kUnavailable, "cannot run unshare", error);
  parts.init_pid = pid;
  parts.pidfd = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!parts.pidfd) return FailErrno(ErrorCode::kSandbox, "pidfd_open", errno);
  return {};
}

class LocalBackend final : public Backend {
 public:
  explicit LocalBackend(Reactor& reactor) : reactor_(reactor) {}

  Task<Result<std::unique_ptr<Sandbox>>> Create(SandboxSpec spec, Deadline deadline) override {
    if (!spec.allow_unenforced)
      co_return Fail(ErrorCode::kUsage,
                     "unsafe-local isolates nothing and enforces no limit; set allow_unenforced if "
                     "you mean it");
    if (!spec.gpus.empty())
      co_return Fail(ErrorCode::kUsage,
                     "unsafe-local shows every device of the host, so limits.gpus has no meaning "
                     "there: use runc, or leave it out");
    auto job = [spec, deadline] { return MakeParts(spec, deadline); };
    auto parts = co_await reactor_.Blocking(std::move(job));
    if (!parts) co_return tl::unexpected(parts.error());
    co_return co_await StartContained(reactor_, std::move(*parts), std::move(spec), deadline);
  }

 private:
  static Result<ContainerParts> MakeParts(const SandboxSpec& spec, Deadline deadline) {
    ContainerParts parts;
    parts.remove = RemoveOciSandbox;
    parts.paths = HostPaths::For(spec.state_dir, spec.id);
    parts.paths.backend = "unsafe-local";
    parts.own_mounts = false;
    parts.own_limits = false;
    PODIUM_TRY(MakeDirs(spec.state_dir));
    PODIUM_TRY(WriteRecord(parts.paths));
    auto made = [&]() -> Status {
      PODIUM_ASSIGN(auto ids, IdRange::Take());
      parts.ids.emplace(std::move(ids));
      IdShift shift{parts.ids->first()};
      PODIUM_ASSIGN(auto disk, MakeFileSystems(parts.paths, spec, shift, deadline));
      PODIUM_ASSIGN(auto workspace, Workspace::Make(parts.paths, spec, shift));
      parts.workspace.emplace(std::move(workspace));
      return Start(parts, spec);
    }();
    parts.isolation.backend = "unsafe-local";
    parts.isolation.enforced = {{"disk", "of /home, by a file system of its own"}};
    parts.isolation.not_enforced = {"isolation of any kind"};
    if (made) return parts;
    if (parts.workspace) parts.workspace->Close();
    auto removed = RemoveOciSandbox(parts.paths, Deadline::In(kRemovalTime));
    if (!removed) LogError(removed.error().message);
    return tl::unexpected(made.error());
  }

  Reactor& reactor_;
};

}  // namespace

Result<std::unique_ptr<Backend>> MakeLocalBackend(Reactor& reactor) {
  return std::make_unique<LocalBackend>(reactor);
}

}  // namespace podium::sandbox
