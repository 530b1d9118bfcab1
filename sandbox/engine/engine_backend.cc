#include "sandbox/engine/engine_backend.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <system_error>

#include "base/digest.h"
#include "base/files.h"
#include "base/log.h"
#include "base/process.h"
#include "sandbox/contained.h"
#include "sandbox/engine/engine_api.h"
#include "sandbox/engine/engine_image.h"
#include "sandbox/host/unix_socket.h"
#include "sandbox/oci/config.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

Json Bind(const fs::path& from, const std::string& to, bool read_only) {
  return {{"Type", "bind"},
          {"Source", from.string()},
          {"Target", to},
          {"ReadOnly", read_only},
          {"BindOptions", {{"Propagation", "rprivate"}}}};
}

std::string TmpfsOptions(std::uint64_t bytes) {
  return "rw,exec,nosuid,nodev,mode=1777,size=" + std::to_string(bytes);
}

// The first connection, which must be the container's PID 1; the socket is gone afterwards.
Result<UniqueFd> AcceptInit(UniqueFd listener, const fs::path& path, int init_pid,
                            Deadline deadline) {
  for (;;) {
    pollfd wait{listener.get(), POLLIN, 0};
    auto left =
        std::chrono::duration_cast<Millis>(deadline.at() - std::chrono::steady_clock::now());
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

class EngineBackend final : public Backend {
 public:
  EngineBackend(Reactor& reactor, std::string engine, EngineApi api, std::string version)
      : reactor_(reactor),
        engine_(std::move(engine)),
        api_(std::move(api)),
        version_(std::move(version)) {}

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
    parts.paths = HostPaths::For(spec.state_dir, spec.id);
    parts.paths.backend = engine_;
    parts.paths.engine = api_.socket();
    PODIUM_TRY(MakeDirs(spec.state_dir));
    PODIUM_ASSIGN(auto image, EnsureEngineImage(api_, spec.layers, deadline));
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
    if (auto removed = RemoveSandbox(parts.paths, Deadline::In(std::chrono::seconds(60))); !removed)
      LogError(removed.error().message);
    return tl::unexpected(made.error());
  }

  Status Start(ContainerParts& parts, const SandboxSpec& spec, const std::string& image,
               Deadline deadline) const {
    const fs::path& base = parts.paths.base;
    std::error_code ec;
    if (!fs::copy_file(ProgramDir() / "podium-init", base / "podium-init", ec))
      return FailErrno(ErrorCode::kSandbox, "cannot copy podium-init", ec.value());
    fs::permissions(base / "podium-init", fs::perms(0555), ec);
    PODIUM_TRY(MakeDir(base / "socket", 0, 0755));
    PODIUM_ASSIGN(auto listener, ListenAt(base / "socket" / "host", 1));
    std::string user = std::to_string(parts.ids->first() + kAgentId);
    PODIUM_TRY(WriteFileAtomic(base / "passwd",
                               "root:x:0:0:root:/root:/bin/sh\n"
                               "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
                               "agent:x:" +
                                   user + ":" + user + "::/home/agent:/bin/sh\n"));
    fs::permissions(base / "passwd", fs::perms(0444), ec);
    PODIUM_ASSIGN(Json request, ContainerRequest(parts.paths, spec, image, user));
    PODIUM_ASSIGN(Json created,
                  api_.Ask("POST", "/containers/create?name=podium-" + spec.id, request, deadline));
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
    PODIUM_ASSIGN(parts.socket, AcceptInit(std::move(listener), base / "socket" / "host",
                                           parts.init_pid, deadline));
    return {};
  }

  static Result<Json> ContainerRequest(const HostPaths& paths, const SandboxSpec& spec,
                                       const std::string& image, const std::string& user) {
    PODIUM_ASSIGN(auto text,
                  ReadFile(ShareDir() / "configs" / "sandboxes" / "seccomp.json", 1 << 20));
    PODIUM_ASSIGN(Json seccomp, ReadSeccompProfile(text));
    PODIUM_ASSIGN(auto devices, LookAtDevices(spec.devices));
    Json mounts = Json::array({Bind(paths.base / "home", "/home", false),
                               Bind(paths.base / "podium-init", "/.podium-init", true),
                               Bind(paths.base / "socket", "/.podium", true),
                               Bind(paths.base / "passwd", "/etc/passwd", true)});
    for (std::size_t i = 0; i < spec.data.size(); ++i)
      mounts.push_back(Bind(paths.base / ("data" + std::to_string(i)), spec.data[i].inside, true));
    for (const auto& mount : spec.gpus.mounts)
      mounts.push_back(Bind(mount.host, mount.inside, true));
    Json nodes = Json::array();
    for (const auto& d : devices)
      nodes.push_back({{"PathOnHost", d.path.string()},
                       {"PathInContainer", d.path.string()},
                       {"CgroupPermissions", "rw"}});
    for (const auto& node : spec.gpus.nodes)
      nodes.push_back({{"PathOnHost", node.host.string()},
                       {"PathInContainer", node.inside},
                       {"CgroupPermissions", node.access}});
    Json env = Json::array();
    for (const auto& [key, value] : spec.env) env.push_back(key + "=" + value);
    for (const auto& [key, value] : spec.gpus.env) env.push_back(key + "=" + value);
    const Limits& l = spec.limits;
    Json host = {
        {"NetworkMode", "none"},
        {"ReadonlyRootfs", true},
        {"CapDrop", {"ALL"}},
        {"SecurityOpt", {"no-new-privileges", "seccomp=" + DumpJson(seccomp)}},
        {"Memory", l.memory_bytes},
        {"MemorySwap", l.memory_bytes},
        {"NanoCpus", static_cast<std::int64_t>(l.cpus * 1e9)},
        {"PidsLimit", l.pids},
        {"ShmSize", l.shm_bytes},
        {"IpcMode", "private"},
        {"CgroupnsMode", "private"},
        {"Tmpfs", {{"/tmp", TmpfsOptions(l.tmp_bytes)}, {"/var/tmp", TmpfsOptions(l.tmp_bytes)}}},
        {"Mounts", mounts},
        {"Devices", nodes},
        {"LogConfig", {{"Type", "none"}}},
        {"RestartPolicy", {{"Name", "no"}}}};
    host["Ulimits"] = Json::array({{{"Name", "core"}, {"Soft", 0}, {"Hard", 0}},
                                   {{"Name", "nofile"}, {"Soft", 8192}, {"Hard", 8192}}});
    return Json{{"Image", image},       {"Entrypoint", {"/.podium-init", "unix:/.podium/host"}},
                {"Cmd", Json::array()}, {"User", user + ":" + user},
                {"Env", env},           {"WorkingDir", "/"},
                {"Hostname", "podium"}, {"Labels", {{"podium.sandbox", spec.id}}},
                {"HostConfig", host}};
  }

  void Describe(const SandboxSpec& spec, const std::string& disk, IsolationRecord& record) const {
    DescribeIsolation(spec, disk, record);
    record.backend = "engine:" + engine_ + " " + version_;
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
  std::string engine_;
  EngineApi api_;
  std::string version_;
};

}  // namespace

Result<std::unique_ptr<Backend>> MakeEngineBackend(const std::string& engine, Reactor& reactor) {
  EngineApi api(EngineSocket(engine));
  auto version = api.Ask("GET", "/version", Json(), Deadline::In(std::chrono::seconds(10)));
  if (!version)
    return Fail(
        ErrorCode::kUnavailable,
        version.error().message + ". Start " + engine +
            (engine == "docker" ? " (systemctl start docker), or set DOCKER_HOST"
                                : " (systemctl start podman.socket), or set CONTAINER_HOST"));
  return std::make_unique<EngineBackend>(reactor, engine, std::move(api),
                                         JsonOr<std::string>(*version, "Version", "?"));
}

}  // namespace podium::sandbox
