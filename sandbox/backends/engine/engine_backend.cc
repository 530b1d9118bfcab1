#include "sandbox/backends/engine/engine_backend.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <system_error>

#include "base/deadlines.h"
#include "base/digest.h"
#include "base/files.h"
#include "base/log.h"
#include "base/process.h"
#include "sandbox/backends/engine/engine_api.h"
#include "sandbox/backends/engine/engine_check.h"
#include "sandbox/backends/engine/engine_image.h"
#include "sandbox/backends/engine/engine_request.h"
#include "sandbox/backends/oci/config.h"
#include "sandbox/container/contained.h"
#include "sandbox/host/unix_socket.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

// The first connection, which must be the container's PID 1; the socket is gone afterwards.
Result<UniqueFd> AcceptInit(UniqueFd listener, const fs::path& path, int init_pid,
                            Deadline deadline) {
  for (;;) {
    pollfd wait{listener.get(), POLLIN, 0};
    auto left = deadline.remaining();
    if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0)
      return Fail(ErrorCode::kTimeout, "podium-init in the engine's container does not connect");
    UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) continue;
    ucred peer{};
    socklen_t size = sizeof peer;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
    if (peer.pid != init_pid) continue;
    ::unlink(path.c_str());
    return fd;
  }
}

// What differs between the engines.
struct Engine {
  const char* name;
  const char* unit;      // of systemd, which listens at the socket
  const char* variable;  // of the environment, which names another socket
  int oldest;            // major version
  bool takes_our_root;   // and a range of ids; else it has images and users of its own
};
constexpr Engine kDocker = {"docker", "docker", "DOCKER_HOST", 20, false};
constexpr Engine kPodman = {"podman", "podman.socket", "CONTAINER_HOST", 4, true};

class EngineBackend final : public Backend {
 public:
  EngineBackend(Reactor& reactor, const Engine& engine, EngineApi api, std::string version)
      : reactor_(reactor), engine_(engine), api_(std::move(api)), version_(std::move(version)) {}

  Task<Result<std::unique_ptr<Sandbox>>> Create(SandboxSpec spec, Deadline deadline) override {
    if (!spec.without.empty())
      co_return Fail(ErrorCode::kUsage, "the knock-out run is for OCI runtimes");
    auto job = [this, spec, deadline] { return MakeParts(spec, deadline); };
    auto parts = co_await reactor_.Blocking(std::move(job));
    if (!parts) co_return tl::unexpected(parts.error());
    co_return co_await StartContained(reactor_, std::move(*parts), std::move(spec), deadline);
  }

 private:
  Result<ContainerParts> MakeParts(const SandboxSpec& spec, Deadline deadline) const {
    ContainerParts parts;
    parts.remove = RemoveEngineSandbox;
    parts.paths = HostPaths::For(spec.state_dir, spec.id);
    parts.paths.backend = engine_.name;
    parts.paths.engine = api_.socket();
    PODIUM_TRY(MakeDirs(spec.state_dir));
    std::string image;
    if (!engine_.takes_our_root) {
      PODIUM_ASSIGN(image, EnsureEngineImage(api_, spec.layers, deadline));
    }
    PODIUM_TRY(WriteRecord(parts.paths));
    std::string disk;
    auto made = [&]() -> Status {
      PODIUM_ASSIGN(auto ids, IdRange::Take());
      parts.ids.emplace(std::move(ids));
      IdShift shift{parts.ids->first()};
      PODIUM_ASSIGN(disk, MakeFileSystems(parts.paths, spec, shift, deadline));
      PODIUM_ASSIGN(auto workspace, Workspace::Make(parts.paths, spec, shift));
      parts.workspace.emplace(std::move(workspace));
      return Start(parts, spec, image, deadline);
    }();
    if (made) {
      Describe(spec, disk, parts.isolation);
      return parts;
    }
    if (parts.workspace) parts.workspace->Close();
    if (auto removed = RemoveEngineSandbox(parts.paths, Deadline::In(kRemovalTime)); !removed)
      LogError(removed.error().message);
    return tl::unexpected(made.error());
  }

  Status Start(ContainerParts& parts, const SandboxSpec& spec, const std::string& image,
               Deadline deadline) const {
    std::error_code ec;
    if (!fs::copy_file(ProgramDir() / "podium-init", parts.paths.init(), ec))
      return FailErrno(ErrorCode::kSandbox, "cannot copy podium-init", ec.value());
    fs::permissions(parts.paths.init(), fs::perms(0555), ec);
    PODIUM_TRY(MakeDir(parts.paths.sockets(), 0, 0755));
    fs::path socket = parts.paths.sockets() / "host";
    PODIUM_ASSIGN(auto listener, ListenAt(socket, 1));
    std::uint32_t first_id = parts.ids->first();
    auto request = engine_.takes_our_root ? PodmanRequest(parts.paths, spec, first_id)
                                          : DockerRequest(parts.paths, spec, first_id, image);
    if (!request) return tl::unexpected(request.error());
    PODIUM_ASSIGN(Json created, api_.Ask("POST", request->path, request->body, deadline));
    auto id = JsonOr<std::string>(created, "Id", "");
    parts.cgroup_name = id;
    PODIUM_TRY(api_.Ask("POST", "/containers/" + id + "/start", Json(), deadline));
    PODIUM_ASSIGN(Json seen, api_.Ask("GET", "/containers/" + id + "/json", Json(), deadline));
    parts.init_pid = JsonOr<int>(seen.value("State", Json::object()), "Pid", 0);
    if (parts.init_pid <= 0)
      return Fail(ErrorCode::kSandbox, "the engine's container ended at once: " +
                                           DumpJson(seen.value("State", Json::object())));
    parts.pidfd = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, parts.init_pid, 0)));
    if (!parts.pidfd)
      return FailErrno(ErrorCode::kSandbox, "pidfd_open of the container's init", errno);
    PODIUM_ASSIGN(parts.socket, AcceptInit(std::move(listener), socket, parts.init_pid, deadline));
    ExpectedInit expected{first_id, engine_.takes_our_root};
    PODIUM_ASSIGN(parts.isolation.not_enforced,
                  CheckEngineContainer(parts.init_pid, spec, expected));
    return {};
  }

  void Describe(const SandboxSpec& spec, const std::string& disk, IsolationRecord& record) const {
    DescribeIsolation(spec, disk, record);
    record.backend = "engine:" + std::string(engine_.name) + " " + version_;
    record.not_enforced.emplace_back("time namespace a sandbox");
    if (engine_.takes_our_root) return;
    for (auto& [what, how] : record.enforced) {
      if (what == "namespaces")
        how =
            "pid, mount, network (loopback only, no route), ipc, uts, cgroup; a user of its own, "
            "no user namespace (the engine's choice)";
      if (what == "privileges") how = "no capability, no_new_privs, a host user of its own";
      if (what == "image") how = "the engine's read-only root";
    }
    record.not_enforced.emplace_back("user namespace a sandbox");
  }

  Reactor& reactor_;
  const Engine& engine_;
  EngineApi api_;
  std::string version_;
};

}  // namespace

Result<std::unique_ptr<Backend>> MakeEngineBackend(const std::string& name, Reactor& reactor) {
  const Engine& engine = name == kPodman.name ? kPodman : kDocker;
  EngineApi api(EngineSocket(name));
  auto answer = api.Ask("GET", "/version", Json(), Deadline::In(kEngineAnswerTime));
  if (!answer)
    return Fail(ErrorCode::kUnavailable, answer.error().message + ". Start " + name +
                                             " (systemctl start " + engine.unit + "), or set " +
                                             engine.variable);
  auto version = JsonOr<std::string>(*answer, "Version", "?");
  if (std::atoi(version.c_str()) < engine.oldest)
    return Fail(ErrorCode::kUnavailable, name + " " + version + " at " + api.socket() +
                                             " is too old: " + std::to_string(engine.oldest) +
                                             " or newer is needed");
  return std::make_unique<EngineBackend>(reactor, engine, std::move(api), std::move(version));
}

}  // namespace podium::sandbox
