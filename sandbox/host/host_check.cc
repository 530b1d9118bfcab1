#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdlib>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "sandbox/host/cgroup.h"
#include "sandbox/host/delegation.h"
#include "sandbox/host/host_paths.h"
#include "sandbox/host/rootless.h"
#include "sandbox/sandbox.h"

namespace podium::sandbox {
namespace {

HostCheck Check(std::string name, bool ok, bool required, std::string found, std::string advice) {
  return {std::move(name), ok, required, std::move(found), ok ? "" : std::move(advice)};
}

HostCheck Program(const std::string& name, const std::string& package, bool required) {
  auto path = FindProgram(name);
  return Check(name, !path.empty(), required, path.empty() ? "missing" : path.string(),
               "apt-get install " + package);
}

HostCheck Runc() {
  ProcessSpec spec;
  spec.argv = {"runc", "--version"};
  auto text = RunTool(spec, Deadline::In(kToolTime));
  if (!text) return Check("runc", false, true, "missing", "apt-get install runc");
  auto lines = Split(*text, '\n');
  bool seccomp = text->find("libseccomp") != std::string::npos;
  return Check("runc", seccomp, true, std::string(lines.front()),
               "this runc is built without seccomp; install your distribution's");
}

HostCheck FileSystem(const std::string& name, bool required, const std::string& advice) {
  auto text = ReadFile("/proc/filesystems", 1 << 16);
  bool ok = text && text->find("\t" + name + "\n") != std::string::npos;
  return Check(name, ok, required, ok ? "in this kernel" : "not in /proc/filesystems", advice);
}

HostCheck Cgroups(const char* controller) {
  for (const auto& d : CgroupsOf(::getpid())) {
    if (d.controller == controller)
      return Check(std::string("cgroup ") + controller, true, true, "v1", "");
    auto text = d.controller.empty() ? ReadFile(d.dir.parent_path() / "cgroup.controllers", 4096)
                                     : Result<std::string>("");
    auto root = ReadFile("/sys/fs/cgroup/cgroup.controllers", 4096);
    for (const auto* list : {&text, &root}) {
      if (!*list) continue;
      for (auto word : Split(Trim(**list), ' ')) {
        if (word == controller)
          return Check(std::string("cgroup ") + controller, true, true, "v2", "");
      }
    }
  }
  return Check(
      std::string("cgroup ") + controller, false, true, "no controller",
      std::string("boot with the ") + controller + " cgroup controller, or set allow_unenforced");
}

// Without root: what is limited by groups that were handed to this user.
HostCheck DelegatedCgroups() {
  auto found = LookForDelegation();
  std::vector<std::string> missing;
  for (const char* controller : {"memory", "cpu"}) {
    if (!found.controllers.contains(controller)) missing.emplace_back(controller);
  }
  std::string held =
      Join(std::vector<std::string>(found.controllers.begin(), found.controllers.end()), ", ");
  if (!found.controllers.contains("pids")) held += held.empty() ? "" : ", ";
  if (!found.controllers.contains("pids")) held += "pids by rlimit";
  return Check("limits", missing.empty(), false,
               held + (missing.empty() ? "" : "; not enforced: " + Join(missing, ", ")),
               "a run is refused unless allow_unenforced is set, or: " + DelegationAdvice());
}

HostCheck Root() {
  if (::geteuid() == 0 && !IsRootless()) return Check("root", true, true, "yes", "");
  // Once, before there are threads: a fork is no good afterwards.
  static const Status possible = IsRootless() ? Status{} : TryRootless();
  return Check("root", possible.has_value(), true,
               possible ? "no; rootless: yes, on runc, disks in memory" : "no; rootless: no",
               (possible ? "" : possible.error().message) + "; or run as root or with sudo");
}

HostCheck UserNamespaces() {
  auto text = ReadFile("/proc/sys/user/max_user_namespaces", 64);
  bool ok = text && std::atol(text->c_str()) > 0;
  return Check("user namespaces", ok, true, ok ? "up to " + std::string(Trim(*text)) : "off",
               "sysctl user.max_user_namespaces=15000");
}

HostCheck IdmappedMounts() {
  long r = ::syscall(SYS_mount_setattr, -1, "", 0, nullptr, 0);
  bool ok = !(r != 0 && errno == ENOSYS);
  return Check("mount_setattr", ok, true, ok ? "in this kernel" : "missing",
               "Linux 5.12 or newer is needed for idmapped mounts (5.19 for overlays on them)");
}

HostCheck DiskFree() {
  struct statfs st {};
  std::filesystem::path dir = CacheDir();
  while (!std::filesystem::exists(dir)) dir = dir.parent_path();
  std::uint64_t free = ::statfs(dir.c_str(), &st) == 0 ? static_cast<std::uint64_t>(st.f_bavail) *
                                                             static_cast<std::uint64_t>(st.f_bsize)
                                                       : 0;
  return Check(
      "free disk", free > (std::uint64_t{4} << 30), false,
      FormatBytes(free) + " at " + dir.string(),
      "4 GiB are needed for the image, the data and a run; PODIUM_CACHE moves the first two");
}

// Hard limits that a shell or a service gave this process, below what sandboxes and grading want.
HostCheck OpenFilesLimit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  bool ok = OpenFiles() >= 8192 && limit.rlim_max >= 4096;
  std::string found =
      limit.rlim_max == RLIM_INFINITY ? "unlimited" : std::to_string(limit.rlim_max);
  return Check("open files", ok, false, found + (MayRaiseLimits() ? ", can be raised" : ""),
               "a sandbox gets no more than that: raise the hard limit (ulimit -Hn 8192, or "
               "LimitNOFILE of the service)");
}

HostCheck GradingLimits() {
  constexpr rlim_t kMemory = rlim_t{16} << 30, kSeconds = 1500;
  rlimit memory{}, time{};
  ::getrlimit(RLIMIT_AS, &memory);
  ::getrlimit(RLIMIT_CPU, &time);
  std::vector<std::string> low;
  if (memory.rlim_max < kMemory) low.push_back("addresses " + FormatBytes(memory.rlim_max));
  if (time.rlim_max < kSeconds) low.push_back("CPU time " + std::to_string(time.rlim_max) + " s");
  return Check(
      "hard limits", low.empty(), false, low.empty() ? "none that matter" : Join(low, ", "),
      "a grading that needs more ends as the host's failure: raise them (ulimit -Hv, -Ht)");
}

HostCheck TcpLimit() {
  bool v1 = false;
  for (const auto& d : CgroupsOf(::getpid())) v1 = v1 || d.controller == "memory";
  bool ok = !v1 || CountsTcpApart();
  return Check("cgroup tcp", ok, false,
               !v1  ? "v2 counts it as memory"
               : ok ? "v1"
                    : "no limit",
               "this kernel's v1 memory group has no memory.kmem.tcp.limit_in_bytes: boot with "
               "cgroup v2, or set allow_unenforced");
}

// Sandboxes begin as copies of an empty disk that lies in /var/lib/podium.
HostCheck SameDisk() {
  const char* variable = ::getenv("PODIUM_RUNS");
  std::filesystem::path runs = std::filesystem::absolute(variable ? variable : "runs"),
                        host = HostDir();
  struct stat a {};
  struct stat b {};
  std::error_code ec;
  while (!std::filesystem::exists(runs, ec) && runs.has_relative_path()) runs = runs.parent_path();
  while (!std::filesystem::exists(host, ec) && host.has_relative_path()) host = host.parent_path();
  bool same =
      ::stat(runs.c_str(), &a) != 0 || ::stat(host.c_str(), &b) != 0 || a.st_dev == b.st_dev;
  return Check("disks", same, false,
               same ? "runs and sandboxes on one"
                    : "runs (" + runs.string() + ") and " + host.string() + " on two",
               "works; a sandbox's disk is then read and written instead of cloned");
}

}  // namespace

std::vector<HostCheck> CheckHost() {
  std::vector<HostCheck> out;
  bool root = ::geteuid() == 0 && !IsRootless();
  out.push_back(Root());
  out.push_back(Runc());
  out.push_back(UserNamespaces());
  out.push_back(FileSystem("overlay", true, "modprobe overlay"));
  out.push_back(IdmappedMounts());
  if (root) {
    out.push_back(Cgroups("memory"));
    out.push_back(Cgroups("pids"));
    out.push_back(TcpLimit());
    out.push_back(SameDisk());
    out.push_back(Program("mkfs.ext4", "e2fsprogs", true));
    bool loops = ::access("/dev/loop-control", F_OK) == 0;
    out.push_back(
        Check("loop devices", loops, false, loops ? "yes" : "no /dev/loop-control",
              "modprobe loop; without them a sized tmpfs limits the disk, and counts as memory"));
  } else {
    out.push_back(DelegatedCgroups());
  }
  out.push_back(OpenFilesLimit());
  out.push_back(GradingLimits());
  out.push_back(Program("mmdebstrap", "mmdebstrap (needed to build images)", false));
  out.push_back(DiskFree());
  return out;
}

}  // namespace podium::sandbox
