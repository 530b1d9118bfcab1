#include "sandbox/oci/config.h"

#include "base/json.h"
#include "base/text.h"
#include "sandbox/oci/mounts.h"

namespace podium::sandbox {
namespace {

Json Mount(const std::string& where, const std::string& type, const std::string& source,
           std::vector<std::string> options) {
  return {
      {"destination", where}, {"type", type}, {"source", source}, {"options", std::move(options)}};
}

Json Mounts(const HostPaths& paths, const SandboxSpec& spec) {
  std::string ids = "uid=" + std::to_string(kAgentId) + ",gid=" + std::to_string(kAgentId);
  Json mounts = Json::array();
  mounts.push_back(Mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}));
  mounts.push_back(Mount("/dev", "tmpfs", "tmpfs",
                         {"nosuid", "noexec", "strictatime", "mode=755", "size=65536"}));
  mounts.push_back(Mount("/dev/pts", "devpts", "devpts",
                         {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}));
  mounts.push_back(Mount(
      "/dev/shm", "tmpfs", "shm",
      {"nosuid", "noexec", "nodev", "mode=1777", "size=" + std::to_string(spec.limits.shm_bytes)}));
  mounts.push_back(Mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}));
  mounts.push_back(
      Mount("/tmp", "tmpfs", "tmpfs",
            {"nosuid", "nodev", "mode=1777", "size=" + std::to_string(spec.limits.tmp_bytes)}));
  for (std::size_t i = 0; i < spec.data.size(); ++i) {
    mounts.push_back(Mount(spec.data[i].inside, "none",
                           (paths.base / ("data" + std::to_string(i))).string(),
                           {"bind", "ro", "nosuid", "nodev", "noexec", "noatime"}));
  }
  mounts.push_back(Mount("/.podium-init", "none", (paths.base / "podium-init").string(),
                         {"bind", "ro", "nosuid", "nodev"}));
  return mounts;
}

Json Process(const SandboxSpec& spec) {
  Json env = Json::array();
  for (const auto& [key, value] : spec.env) env.push_back(key + "=" + value);
  Json none = Json::array();
  Json capabilities = {{"bounding", none},
                       {"effective", none},
                       {"inheritable", none},
                       {"permitted", none},
                       {"ambient", none}};
  Json files = {{"type", "RLIMIT_NOFILE"}, {"hard", 8192}, {"soft", 8192}};
  Json core = {{"type", "RLIMIT_CORE"}, {"hard", 0}, {"soft", 0}};
  return {{"terminal", false},
          {"user", {{"uid", kAgentId}, {"gid", kAgentId}}},
          {"args", {"/.podium-init"}},
          {"env", env},
          {"cwd", "/"},
          {"capabilities", capabilities},
          {"rlimits", {files, core}},
          {"noNewPrivileges", true},
          {"oomScoreAdj", 0}};
}

Json Resources(const Limits& limits) {
  constexpr int kPeriod = 100'000;
  Json deny = {{"allow", false}, {"access", "rwm"}};
  return {
      {"memory", {{"limit", limits.memory_bytes}, {"swap", limits.memory_bytes}}},
      {"cpu", {{"quota", static_cast<std::int64_t>(limits.cpus * kPeriod)}, {"period", kPeriod}}},
      {"pids", {{"limit", limits.pids}}},
      {"devices", {deny}}};
}

Json Linux(const HostPaths& paths, const SandboxSpec& spec, std::uint32_t first_id, Json seccomp) {
  Json map = {{"containerID", 0}, {"hostID", first_id}, {"size", IdRange::kCount}};
  Json namespaces = Json::array();
  for (const char* type : {"pid", "network", "ipc", "uts", "mount", "user", "cgroup"})
    namespaces.push_back({{"type", type}});
  return {{"uidMappings", {map}},
          {"gidMappings", {map}},
          {"namespaces", namespaces},
          {"cgroupsPath", "/" + paths.cgroup()},
          {"resources", Resources(spec.limits)},
          {"seccomp", std::move(seccomp)},
          {"rootfsPropagation", "private"},
          {"maskedPaths",
           {"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
            "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
            "/proc/kmsg", "/proc/kallsyms", "/proc/interrupts", "/proc/kpagecount",
            "/proc/kpageflags", "/sys/firmware"}},
          {"readonlyPaths",
           {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}}};
}

}  // namespace

Result<std::string> MakeOciConfig(const HostPaths& paths, const SandboxSpec& spec,
                                  std::uint32_t first_id, const std::string& seccomp_json) {
  PODIUM_ASSIGN(Json seccomp, ParseJson(seccomp_json, "configs/sandboxes/seccomp.json"));
  seccomp.erase("comment");
  for (auto& rule : seccomp["syscalls"]) rule.erase("comment");
  Json config = {{"ociVersion", "1.0.2"},
                 {"process", Process(spec)},
                 {"root", {{"path", (paths.base / "root").string()}, {"readonly", false}}},
                 {"hostname", "podium"},
                 {"mounts", Mounts(paths, spec)},
                 {"linux", Linux(paths, spec, first_id, std::move(seccomp))}};
  return DumpJson(config, 1);
}

void DescribeIsolation(const SandboxSpec& spec, const std::string& disk, IsolationRecord& record) {
  const Limits& l = spec.limits;
  record.enforced = {
      {"namespaces",
       "user (65,536 ids of its own), pid, mount, network (loopback only, no route), ipc, uts, "
       "cgroup"},
      {"privileges", "no capability, no_new_privs, uid 1000"},
      {"seccomp", "allowlist of configs/sandboxes/seccomp.json; unknown calls give ENOSYS"},
      {"memory", FormatBytes(l.memory_bytes) + " by cgroup, no swap"},
      {"cpu", FormatDouble(l.cpus) + " cores by cgroup quota"},
      {"pids", std::to_string(l.pids) + " by cgroup"},
      {"disk", FormatBytes(l.disk_bytes) + ", " + std::to_string(l.inodes) + " inodes by " + disk},
      {"shm", FormatBytes(l.shm_bytes) + " by tmpfs size"},
      {"tmp", FormatBytes(l.tmp_bytes) + " by tmpfs size"},
      {"devices", "cgroup denies all but null, zero, full, random, urandom, tty, ptmx"},
      {"image", "read-only idmapped lower layer of a private overlay"},
      {"data", "read-only idmapped lower layer of a private overlay"}};
}

}  // namespace podium::sandbox
