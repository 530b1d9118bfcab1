#include <system_error>

#include "base/files.h"
#include "base/process.h"
#include "sandbox/backends/engine/engine_request.h"
#include "sandbox/backends/oci/config.h"
#include "sandbox/host/device_nodes.h"
#include "sandbox/host/mounts.h"

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

Json Mounts(const HostPaths& paths, const SandboxSpec& spec) {
  Json mounts = Json::array(
      {Bind(paths.base / "home", "/home", false), Bind(paths.init(), "/.podium-init", true),
       Bind(paths.sockets(), "/.podium", true), Bind(paths.base / "passwd", "/etc/passwd", true)});
  for (std::size_t i = 0; i < spec.data.size(); ++i)
    mounts.push_back(Bind(paths.base / ("data" + std::to_string(i)), spec.data[i].inside, true));
  for (std::size_t i = 0; i < spec.root_files.size(); ++i)
    mounts.push_back(Bind(paths.root_file(i), spec.root_files[i].inside, true));
  for (const auto& mount : spec.gpus.mounts) mounts.push_back(Bind(mount.host, mount.inside, true));
  return mounts;
}

Result<Json> Devices(const SandboxSpec& spec) {
  PODIUM_ASSIGN(auto devices, LookAtDevices(spec.devices));
  Json nodes = Json::array();
  for (const auto& d : devices)
    nodes.push_back({{"PathOnHost", d.path.string()},
                     {"PathInContainer", d.path.string()},
                     {"CgroupPermissions", "rw"}});
  for (const auto& node : spec.gpus.nodes)
    nodes.push_back({{"PathOnHost", node.host.string()},
                     {"PathInContainer", node.inside},
                     {"CgroupPermissions", node.access}});
  return nodes;
}

// The agent by the number that it has without a user namespace.
Status WritePasswd(const fs::path& file, const std::string& user) {
  PODIUM_TRY(WriteOwnFile(file,
                          "root:x:0:0:root:/root:/bin/sh\n"
                          "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
                          "agent:x:" +
                              user + ":" + user + "::/home/agent:/bin/sh\n"));
  std::error_code ec;
  fs::permissions(file, fs::perms(0444), ec);
  return {};
}

}  // namespace

Result<EngineRequest> DockerRequest(const HostPaths& paths, const SandboxSpec& spec,
                                    std::uint32_t first_id, const std::string& image) {
  std::string user = std::to_string(first_id + kAgentId);
  PODIUM_TRY(WritePasswd(paths.base / "passwd", user));
  PODIUM_ASSIGN(auto text,
                ReadFile(ShareDir() / "configs" / "sandboxes" / "seccomp.json", 1 << 20));
  PODIUM_ASSIGN(Json seccomp, ReadSeccompProfile(text));
  PODIUM_ASSIGN(Json devices, Devices(spec));
  Json env = Json::array();
  for (const auto& [key, value] : spec.env) env.push_back(key + "=" + value);
  for (const auto& [key, value] : spec.gpus.env) env.push_back(key + "=" + value);
  const Limits& l = spec.limits;
  Json host = {
      {"NetworkMode", "none"},
      {"ReadonlyRootfs", true},
      {"CapDrop", {"ALL"}},
      {"CapAdd", InitCapabilities()},
      {"SecurityOpt", {"no-new-privileges", "seccomp=" + DumpJson(seccomp)}},
      {"Memory", l.memory_bytes},
      {"MemorySwap", l.memory_bytes},
      {"NanoCpus", static_cast<std::int64_t>(l.cpus * 1e9)},
      {"PidsLimit", l.pids},
      {"ShmSize", l.shm_bytes},
      {"IpcMode", "private"},
      {"CgroupnsMode", "private"},
      {"Tmpfs", {{"/tmp", TmpfsOptions(l.tmp_bytes)}, {"/var/tmp", TmpfsOptions(l.tmp_bytes)}}},
      {"Mounts", Mounts(paths, spec)},
      {"Devices", devices},
      {"LogConfig", {{"Type", "none"}}},
      {"RestartPolicy", {{"Name", "no"}}}};
  if (spec.first_port < 1024)
    host["Sysctls"] = {{kFirstPortSysctl, std::to_string(spec.first_port)}};
  host["Ulimits"] =
      Json::array({{{"Name", "core"}, {"Soft", 0}, {"Hard", 0}},
                   {{"Name", "nofile"}, {"Soft", OpenFiles()}, {"Hard", OpenFiles()}}});
  Json command = {"/.podium-init", "unix:" + std::string(kSocketInside)};
  for (const auto& who : InitUsers(first_id)) command.push_back(who);
  Json body = {
      {"Image", image},       {"Entrypoint", command},
      {"Cmd", Json::array()}, {"User", "0:0"},  // until podium-init has become its own user
      {"Env", env},           {"WorkingDir", "/"},
      {"Hostname", "podium"}, {"Labels", {{"podium.sandbox", spec.id}}},
      {"HostConfig", host}};
  return EngineRequest{"/containers/create?name=podium-" + spec.id, std::move(body)};
}

}  // namespace podium::sandbox
