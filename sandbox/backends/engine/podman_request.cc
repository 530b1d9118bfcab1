#include <csignal>

#include "base/files.h"
#include "base/process.h"
#include "sandbox/backends/engine/engine_request.h"
#include "sandbox/backends/oci/config.h"
#include "sandbox/host/mounts.h"

namespace podium::sandbox {
namespace {

// The runtime's mounts; the nodes of listed devices lie in our /dev.
Json Mounts(const Json& oci) {
  Json out = Json::array();
  for (Json mount : oci) {
    Json options = Json::array();
    // Not known to Podman, and nothing is lost: what is mounted read-only has no access time set.
    for (const auto& option : mount["options"]) {
      if (option != "noatime") options.push_back(option);
    }
    mount["options"] = options;
    out.push_back(mount);
  }
  return out;
}

Json IdMap(const Json& oci) {
  Json out = Json::array();
  for (const auto& range : oci)
    out.push_back({{"container_id", range["containerID"]},
                   {"host_id", range["hostID"]},
                   {"size", range["size"]}});
  return out;
}

// Podman names them without "RLIMIT_". It would set the number of processes as well, and higher
// than a service without CAP_SYS_RESOURCE may; the control group's limit is reached before ours.
Json ResourceLimits(const SandboxSpec& spec, const Json& oci) {
  constexpr std::size_t kPrefix = std::char_traits<char>::length("RLIMIT_");
  Json out = Json::array();
  for (Json limit : oci) {
    limit["type"] = limit["type"].get<std::string>().substr(kPrefix);
    out.push_back(limit);
  }
  int processes = 2 * spec.limits.pids;
  out.push_back({{"type", "NPROC"}, {"soft", processes}, {"hard", processes}});
  return out;
}

Json Environment(const SandboxSpec& spec) {
  Json out = Json::object();
  for (const auto& [key, value] : spec.env) out[key] = value;
  for (const auto& [key, value] : spec.gpus.env) out[key] = value;
  return out;
}

}  // namespace

Result<EngineRequest> PodmanRequest(const HostPaths& paths, const SandboxSpec& spec,
                                    std::uint32_t first_id) {
  PODIUM_ASSIGN(auto profile,
                ReadFile(ShareDir() / "configs" / "sandboxes" / "seccomp.json", 1 << 20));
  PODIUM_ASSIGN(auto text, MakeOciConfig(paths, spec, first_id, profile, true));
  PODIUM_ASSIGN(Json oci, ParseJson(text, "the sandbox's OCI configuration"));
  Json& process = oci["process"];
  Json& linux_part = oci["linux"];
  // A path, where Docker takes the profile itself.
  auto seccomp = paths.base / "seccomp.json";
  PODIUM_TRY(WriteOwnFile(seccomp, DumpJson(linux_part["seccomp"])));
  Json masked = linux_part["maskedPaths"];
  masked.push_back("/sys");  // an engine mounts it whether asked or not
  Json own = {{"nsmode", "private"}};
  Json command = {"/.podium-init", "unix:" + std::string(kSocketInside)};
  for (const auto& who : InitUsers(0)) command.push_back(who);
  Json body = {{"name", "podium-" + spec.id},
               {"labels", {{"podium.sandbox", spec.id}}},
               {"rootfs", oci["root"]["path"]},
               {"entrypoint", command},
               {"env", Environment(spec)},
               {"user", "0:0"},  // until podium-init has become its own user
               {"work_dir", "/"},
               {"hostname", oci["hostname"]},
               {"mounts", Mounts(oci["mounts"])},
               {"netns", {{"nsmode", "none"}}},
               {"pidns", own},
               {"ipcns", own},
               {"utsns", own},
               {"cgroupns", own},
               {"userns", own},
               {"idmappings",
                {{"UIDMap", IdMap(linux_part["uidMappings"])},
                 {"GIDMap", IdMap(linux_part["gidMappings"])}}},
               {"cap_drop", {"ALL"}},
               {"cap_add", InitCapabilities()},
               {"no_new_privileges", true},
               {"seccomp_profile_path", seccomp.string()},
               {"mask", masked},
               {"resource_limits", linux_part["resources"]},
               {"r_limits", ResourceLimits(spec, process["rlimits"])},
               {"oom_score_adj", process["oomScoreAdj"]},
               {"use_image_hosts", true},  // not the host's names
               {"use_image_resolve_conf", true},
               {"image_volume_mode", "ignore"},
               {"log_configuration", {{"driver", "none"}}},
               {"restart_policy", "no"},
               {"systemd", "false"},
               {"sdnotifyMode", "ignore"},
               // Removal must not wait for podium-init to follow a polite signal.
               {"stop_signal", SIGKILL},
               {"stop_timeout", 0}};
  if (linux_part.contains("sysctl")) body["sysctl"] = linux_part["sysctl"];
  // As old as the fields are: Podman 4 and later answer to it.
  return EngineRequest{"/v4.0.0/libpod/containers/create", std::move(body)};
}

}  // namespace podium::sandbox
