#include "sandbox/backends/oci/config.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>

#include "base/json.h"
#include "base/text.h"
#include "sandbox/host/cgroup.h"
#include "sandbox/host/delegation.h"
#include "sandbox/host/device_nodes.h"
#include "sandbox/host/mounts.h"
#include "sandbox/host/rootless.h"
#include "sandbox/init/protocol.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

Json Mount(const std::string& where, const std::string& type, const std::string& source,
           std::vector<std::string> options) {
  return {
      {"destination", where}, {"type", type}, {"source", source}, {"options", std::move(options)}};
}

Json Tmpfs(const std::string& where, std::uint64_t bytes, bool unlimited, bool nosuid) {
  std::vector<std::string> options = {"nodev", "mode=1777"};
  if (nosuid) options.emplace_back("nosuid");
  if (!unlimited) options.push_back("size=" + std::to_string(bytes));
  return Mount(where, "tmpfs", "tmpfs", std::move(options));
}

// Nodes are bound where they could not be made: a runtime may not in a user namespace. They come
// before the sandbox's own mounts, which an image's links thus cannot have them hide.
void AddGpuMounts(const GpuDevices& gpus, bool own_nodes, Json& mounts) {
  for (const auto& node : gpus.nodes) {
    if (own_nodes) break;
    mounts.push_back(Mount(node.inside, "none", node.host.string(), {"bind", "nosuid", "noexec"}));
  }
  for (const auto& mount : gpus.mounts) {
    std::vector<std::string> options = {"bind", "ro", "nosuid", "nodev"};
    if (mount.noexec) options.emplace_back("noexec");
    mounts.push_back(Mount(mount.inside, "none", mount.host.string(), std::move(options)));
  }
}

Json Mounts(const HostPaths& paths, const SandboxSpec& spec, bool sockets) {
  auto without = [&](Mitigation m) { return spec.without.contains(m); };
  Json mounts = Json::array();
  // Without a process namespace of its own a user namespace may not mount /proc anew.
  if (without(Mitigation::kPidNamespace))
    mounts.push_back(Mount("/proc", "none", "/proc", {"rbind", "rprivate"}));
  else
    mounts.push_back(Mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}));
  if (without(Mitigation::kPrivateDev)) {
    mounts.push_back(Mount("/dev", "none", "/dev", {"rbind", "rprivate"}));
  } else {
    bool own_nodes = OwnDeviceNodes(paths, spec);
    if (own_nodes)
      mounts.push_back(Mount("/dev", "bind", (paths.base / "dev").string(),
                             {"bind", "nosuid", "noexec", "noatime"}));
    else
      mounts.push_back(Mount("/dev", "tmpfs", "tmpfs",
                             {"nosuid", "noexec", "strictatime", "mode=755", "size=65536"}));
    mounts.push_back(Mount("/dev/pts", "devpts", "devpts",
                           {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}));
    AddGpuMounts(spec.gpus, own_nodes, mounts);
    mounts.push_back(Tmpfs("/dev/shm", spec.limits.shm_bytes, without(Mitigation::kShmSize), true));
    if (!without(Mitigation::kIpcNamespace))
      mounts.push_back(Mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}));
  }
  if (without(Mitigation::kPrivateTmp)) {
    mounts.push_back(Mount("/tmp", "none", SharedTmp().string(), {"bind", "nodev"}));
  } else {
    mounts.push_back(Tmpfs("/tmp", spec.limits.tmp_bytes, without(Mitigation::kTmpSize),
                           !without(Mitigation::kNosuid)));
  }
  std::vector<std::string> home = {"bind", "nodev"};
  if (!without(Mitigation::kNosuid)) home.emplace_back("nosuid");
  mounts.push_back(Mount("/home", "none", (paths.base / "home").string(), home));
  for (std::size_t i = 0; i < spec.data.size(); ++i) {
    std::vector<std::string> options = {"bind", "nosuid", "nodev", "noexec", "noatime"};
    if (!without(Mitigation::kDataReadOnly)) options.emplace_back("ro");
    mounts.push_back(Mount(spec.data[i].inside, "none",
                           (paths.base / ("data" + std::to_string(i))).string(), options));
  }
  for (std::size_t i = 0; i < spec.root_files.size(); ++i)
    mounts.push_back(Mount(spec.root_files[i].inside, "none", paths.root_file(i).string(),
                           {"bind", "ro", "nosuid", "nodev", "noexec"}));
  mounts.push_back(
      Mount("/.podium-init", "none", paths.init().string(), {"bind", "ro", "nosuid", "nodev"}));
  if (sockets)
    mounts.push_back(Mount("/.podium", "none", paths.sockets().string(),
                           {"bind", "ro", "nosuid", "nodev", "noexec"}));
  return mounts;
}

Json Process(const SandboxSpec& spec) {
  auto without = [&](Mitigation m) { return spec.without.contains(m); };
  Json env = Json::array();
  for (const auto& [key, value] : spec.env) env.push_back(key + "=" + value);
  for (const auto& [key, value] : spec.gpus.env) env.push_back(key + "=" + value);
  Json args = {"/.podium-init", "fd:0"};
  // What gives commands privileges gives them those of podium-init's first user.
  bool own_user = !without(Mitigation::kInitUser) && !without(Mitigation::kCapabilities) &&
                  !without(Mitigation::kNoNewPrivileges);
  if (own_user) {
    for (const auto& who : InitUsers(0)) args.push_back(who);
  }
  if (without(Mitigation::kClosedDescriptors)) args.push_back(wire::kKeepDescriptors);
  if (without(Mitigation::kInitUndumpable)) args.push_back(wire::kDumpable);
  if (without(Mitigation::kKillLeftovers)) args.push_back(wire::kLeaveRunning);
  Json kept = Json::array();
  if (own_user) kept = InitCapabilities();
  if (without(Mitigation::kCapabilities))
    kept = {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_MKNOD",       "CAP_NET_ADMIN",
            "CAP_CHOWN",     "CAP_SETUID",     "CAP_DAC_OVERRIDE"};
  Json capabilities = {{"bounding", kept},
                       {"effective", kept},
                       {"inheritable", own_user ? Json::array() : kept},
                       {"permitted", kept},
                       {"ambient", own_user ? Json::array() : kept}};
  if (without(Mitigation::kNoNewPrivileges)) capabilities["bounding"] = {"CAP_SETUID"};
  Json limits = Json::array();
  if (!without(Mitigation::kFileLimit))
    limits.push_back({{"type", "RLIMIT_NOFILE"}, {"hard", OpenFiles()}, {"soft", OpenFiles()}});
  if (!without(Mitigation::kCoreLimit))
    limits.push_back({{"type", "RLIMIT_CORE"}, {"hard", 0}, {"soft", 0}});
  if (PidsByRlimit())
    limits.push_back(
        {{"type", "RLIMIT_NPROC"}, {"hard", spec.limits.pids}, {"soft", spec.limits.pids}});
  std::uint32_t first_user = own_user ? 0 : kAgentId;
  return {{"terminal", false}, {"user", {{"uid", first_user}, {"gid", first_user}}},
          {"args", args},      {"env", env},
          {"cwd", "/"},        {"capabilities", capabilities},
          {"rlimits", limits}, {"noNewPrivileges", !without(Mitigation::kNoNewPrivileges)},
          {"oomScoreAdj", 0}};
}

Json Resources(const SandboxSpec& spec, const std::vector<DeviceNode>& devices) {
  constexpr int kPeriod = 100'000;
  auto without = [&](Mitigation m) { return spec.without.contains(m); };
  // Rootless, a runtime that is told of a limit which no group can hold does not start.
  auto held = [](const char* controller) {
    return !IsRootless() || TakeDelegation().controllers.contains(controller);
  };
  Json out = Json::object();
  if (!without(Mitigation::kMemoryLimit) && held("memory"))
    out["memory"] = {{"limit", spec.limits.memory_bytes}, {"swap", spec.limits.memory_bytes}};
  if (!without(Mitigation::kCpuLimit) && held("cpu"))
    out["cpu"] = {{"quota", static_cast<std::int64_t>(spec.limits.cpus * kPeriod)},
                  {"period", kPeriod}};
  if (!without(Mitigation::kPidsLimit) && held("pids")) out["pids"] = {{"limit", spec.limits.pids}};
  out["devices"] = Json::array();
  out["devices"].push_back({{"allow", without(Mitigation::kDeviceList)}, {"access", "rwm"}});
  for (const auto& d : devices)
    out["devices"].push_back({{"allow", true},
                              {"type", std::string(1, d.type)},
                              {"major", d.major},
                              {"minor", d.minor},
                              {"access", "rw"}});
  for (const auto& node : spec.gpus.nodes)
    out["devices"].push_back({{"allow", true},
                              {"type", "c"},
                              {"major", node.major},
                              {"minor", node.minor},
                              {"access", node.access}});
  return out;
}

// The profile without the part that the knock-out run leaves out.
Json Seccomp(const SandboxSpec& spec, Json profile) {
  auto allow = [&](std::initializer_list<const char*> names) {
    Json rule = {{"names", Json::array()}, {"action", "SCMP_ACT_ALLOW"}};
    for (const char* name : names) rule["names"].push_back(name);
    profile["syscalls"].push_back(rule);
  };
  auto drop = [&](std::string_view name) {
    Json kept = Json::array();
    for (const auto& rule : profile["syscalls"]) {
      auto is_it = [name](const Json& one) { return one.get_ref<const std::string&>() == name; };
      bool names_it = std::ranges::any_of(rule["names"], is_it);
      if (!names_it) kept.push_back(rule);
    }
    profile["syscalls"] = kept;
  };
  if (spec.without.contains(Mitigation::kSeccompNamespaces)) {
    drop("clone");
    allow({"clone", "unshare", "setns"});
  }
  if (spec.without.contains(Mitigation::kSeccompSockets)) {
    drop("socket");
    allow({"socket", "socketpair"});
  }
  if (spec.without.contains(Mitigation::kSeccompInit)) {
    for (const char* name : {"prlimit64", "sched_setaffinity", "setpriority"}) {
      drop(name);
      allow({name});
    }
  }
  if (spec.without.contains(Mitigation::kSeccompUnknownCalls))
    profile["defaultAction"] = "SCMP_ACT_ALLOW", profile.erase("defaultErrnoRet");
  return profile;
}

Json Linux(const HostPaths& paths, const SandboxSpec& spec, std::uint32_t first_id, Json seccomp,
           const std::vector<DeviceNode>& devices) {
  auto without = [&](Mitigation m) { return spec.without.contains(m); };
  Json namespaces = Json::array({{{"type", "mount"}}});
  Json out = {{"resources", Resources(spec, devices)}, {"rootfsPropagation", "private"}};
  // Rootless the runtime makes its groups below ours, and does without where it may not.
  if (!IsRootless()) out["cgroupsPath"] = "/" + paths.cgroup();
  constexpr std::pair<Mitigation, const char*> kNamespaces[] = {
      {Mitigation::kPidNamespace, "pid"},   {Mitigation::kNetworkNamespace, "network"},
      {Mitigation::kIpcNamespace, "ipc"},   {Mitigation::kUtsNamespace, "uts"},
      {Mitigation::kUserNamespace, "user"}, {Mitigation::kCgroupNamespace, "cgroup"}};
  for (auto [mitigation, type] : kNamespaces) {
    if (!without(mitigation)) namespaces.push_back({{"type", type}});
  }
  out["namespaces"] = namespaces;
  if (!without(Mitigation::kUserNamespace)) {
    Json map = {{"containerID", 0}, {"hostID", first_id}, {"size", IdRange::Count()}};
    out["uidMappings"] = Json::array({map});
    out["gidMappings"] = Json::array({map});
  }
  if (spec.first_port < 1024 && !without(Mitigation::kNetworkNamespace))
    out["sysctl"] = {{kFirstPortSysctl, std::to_string(spec.first_port)}};
  if (!without(Mitigation::kSeccomp)) out["seccomp"] = Seccomp(spec, std::move(seccomp));
  if (!without(Mitigation::kMaskedPaths))
    out["maskedPaths"] = {"/proc/acpi",        "/proc/asound",        "/proc/kcore",
                          "/proc/keys",        "/proc/latency_stats", "/proc/timer_list",
                          "/proc/timer_stats", "/proc/sched_debug",   "/proc/scsi",
                          "/proc/kmsg",        "/proc/kallsyms",      "/proc/interrupts",
                          "/proc/kpagecount",  "/proc/kpageflags",    "/sys/firmware"};
  if (!without(Mitigation::kReadOnlyPaths))
    out["readonlyPaths"] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                            "/proc/sysrq-trigger"};
  if (!devices.empty() && !OwnDeviceNodes(paths, spec)) {
    out["devices"] = Json::array();
    for (const auto& d : devices)
      out["devices"].push_back({{"path", d.path.string()},
                                {"type", std::string(1, d.type)},
                                {"major", d.major},
                                {"minor", d.minor},
                                {"fileMode", 0666},
                                {"uid", kAgentId},
                                {"gid", kAgentId}});
  }
  return out;
}

}  // namespace

std::vector<std::string> InitCapabilities() {
  return {"CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP"};
}

std::vector<std::string> InitUsers(std::uint32_t first_id) {
  return {wire::kSelf + std::to_string(first_id + kInitId),
          wire::kAgent + std::to_string(first_id + kAgentId)};
}

bool PidsByRlimit() { return IsRootless() && !TakeDelegation().controllers.contains("pids"); }

fs::path SharedTmp() { return MountsDir() / "shared-tmp"; }

Result<std::string> MakeOciConfig(const HostPaths& paths, const SandboxSpec& spec,
                                  std::uint32_t first_id, const std::string& seccomp_json,
                                  bool sockets) {
  PODIUM_ASSIGN(Json seccomp, ReadSeccompProfile(seccomp_json));
  PODIUM_ASSIGN(auto devices, LookAtDevices(spec.devices));
  Json config = {{"ociVersion", "1.0.2"},
                 {"process", Process(spec)},
                 {"root", {{"path", (paths.base / "root").string()}, {"readonly", false}}},
                 {"mounts", Mounts(paths, spec, sockets)},
                 {"linux", Linux(paths, spec, first_id, std::move(seccomp), devices)}};
  if (!spec.without.contains(Mitigation::kUtsNamespace)) config["hostname"] = "podium";
  return DumpJson(config, 1);
}

// A rule a bit of the argument: allowed when it differs there from PID 1. The kernel reads 32 bits
// of a process's number, so that "not equal", which compares 64, would let 2^32 + 1 pass.
Json ExceptInit(const Json& rule, int index) {
  Json out = Json::array();
  for (std::uint64_t bit = 1; bit < std::uint64_t{1} << 32; bit <<= 1) {
    Json one = rule;
    one["args"].push_back({{"index", index},
                           {"value", bit},
                           {"valueTwo", bit == 1 ? 0 : bit},
                           {"op", "SCMP_CMP_MASKED_EQ"}});
    out.push_back(one);
  }
  return out;
}

Result<Json> ReadSeccompProfile(const std::string& text) {
  PODIUM_ASSIGN(Json seccomp, ParseJson(text, "configs/sandboxes/seccomp.json"));
  seccomp.erase("comment");
  Json rules = Json::array();
  for (auto rule : seccomp["syscalls"]) {
    rule.erase("comment");
    int index = JsonOr<int>(rule, "exceptInit", -1);
    rule.erase("exceptInit");
    Json expanded = index < 0 ? Json::array({rule}) : ExceptInit(rule, index);
    for (auto& one : expanded) rules.push_back(std::move(one));
  }
  seccomp["syscalls"] = rules;
  return seccomp;
}

void DescribeIsolation(const SandboxSpec& spec, const std::string& disk, IsolationRecord& record) {
  const Limits& l = spec.limits;
  record.enforced = {
      {"namespaces",
       "user (65,536 ids of its own), pid, mount, network (loopback only, no route), ipc, uts, "
       "cgroup"},
      {"privileges", "no capability, no_new_privs, uid 1000; PID 1 is uid 999"},
      {"seccomp", "allowlist of configs/sandboxes/seccomp.json; unknown calls give ENOSYS"},
      {"memory", FormatBytes(l.memory_bytes) + " by cgroup, no swap"},
      {"tcp", "TCP buffers by memory cgroup" +
                  std::string(CountsTcpApart() ? ", " + FormatBytes(TcpBytes(spec)) : "")},
      {"locks", "file locks are counted; beyond " + std::to_string(kMostLocks) +
                    " a command ends as memory_limit"},
      {"cpu", FormatDouble(l.cpus) + " cores by cgroup quota"},
      {"pids", std::to_string(l.pids) + " by cgroup"},
      {"disk", FormatBytes(l.disk_bytes) + ", " + std::to_string(l.inodes) + " inodes by " + disk},
      {"shm", FormatBytes(l.shm_bytes) + " by tmpfs size"},
      {"tmp", FormatBytes(l.tmp_bytes) + " by tmpfs size"},
      {"devices",
       "cgroup denies all but null, zero, full, random, urandom, tty, ptmx" +
           (spec.devices.empty() ? "" : " and " + std::to_string(spec.devices.size()) + " listed") +
           (spec.gpus.empty() ? "" : " and GPU " + Join(spec.gpus.Names(), ", "))},
      {"image", "read-only idmapped lower layer of a private overlay"},
      {"data", "read-only idmapped lower layer of a private overlay"}};
  if (!spec.gpus.left_out.empty())
    record.enforced.emplace_back("gpu",
                                 "left out, no hook is run: " + Join(spec.gpus.left_out, ", "));
  for (const auto& info : Mitigations()) {
    if (spec.without.contains(info.mitigation))
      record.not_enforced.push_back("left out on purpose: " + std::string(info.name));
  }
}

void DescribeRootless(const SandboxSpec& spec, IsolationRecord& record) {
  const auto& limited = TakeDelegation().controllers;
  for (auto& [what, how] : record.enforced) {
    if (what == "namespaces") how.replace(0, how.find(" ids"), "user (1,024");
    if (what == "pids" && PidsByRlimit())
      how = std::to_string(spec.limits.pids) + " by RLIMIT_NPROC of its own user namespace";
    if (what == "devices")
      how = "none can be made; bound: null, zero, full, random, urandom, tty" +
            std::string(spec.devices.empty() ? "" : " and those listed");
    if (what == "image" || what == "data")
      how = "read-only lower layer of a private overlay; its owners are nobody inside";
  }
  for (const char* controller : {"memory", "cpu"}) {
    if (limited.contains(controller)) continue;
    std::erase_if(record.enforced, [&](const auto& line) { return line.first == controller; });
  }
}

void DescribeUserSpaceKernel(IsolationRecord& record) {
  for (auto& [what, how] : record.enforced) {
    if (what == "seccomp")
      how = "gVisor: the agent's calls are answered in user space, behind its own host filter";
    if (what == "devices") how = "gVisor's own null, zero, full, random, urandom, tty, ptmx";
    if (what == "pids") how += " (of gVisor's threads: eight for each of the agent's, and 128)";
  }
}

}  // namespace podium::sandbox
