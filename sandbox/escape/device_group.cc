#include "sandbox/escape/device_group.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "sandbox/escape/groups.h"
#include "sandbox/host/host_paths.h"

namespace podium::sandbox::escape {
namespace {

namespace fs = std::filesystem;

// A process of the host in the mount namespace `ns` ("mnt:[4026532345]"), or 0.
int ProcessIn(const std::string& ns) {
  std::error_code ec;
  for (fs::directory_iterator it("/proc", ec), end; it != end; it.increment(ec)) {
    int pid = std::atoi(it->path().filename().c_str());
    if (pid > 1 && fs::read_symlink(it->path() / "ns" / "mnt", ec).string() == ns) return pid;
  }
  return 0;
}

// After fork: enters the group and opens a device of the host that the sandbox was not given. 0:
// refused, 1: opened, 2: no such device here, 3: the group cannot be entered.
[[noreturn]] void OpenDeviceIn(const char* procs) {
  const char* found = nullptr;
  for (const char* path : {"/dev/kmsg", "/dev/loop-control", "/dev/kvm"}) {
    int fd = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) continue;
    ::close(fd);
    found = path;
    break;
  }
  if (!found) ::_exit(2);
  int group = ::open(procs, O_WRONLY | O_CLOEXEC);
  if (group < 0 || ::write(group, "0", 1) != 1) ::_exit(3);
  if (::open("/dev/null", O_RDONLY | O_CLOEXEC) < 0) ::_exit(3);
  int fd = ::open(found, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  ::_exit(fd < 0 && errno == EPERM ? 0 : 1);
}

CaseResult GroupHolds(const std::string& ns) {
  int init = ProcessIn(ns);
  if (init == 0) return Broken("no process of the host is in the sandbox's " + ns);
  fs::path dir;
  for (const auto& group : CgroupsOf(init)) {
    if (group.controller.find("devices") != std::string::npos) dir = group.dir;
    if (group.controller.empty() && dir.empty()) dir = group.dir;
  }
  std::string procs = (dir / "cgroup.procs").string();
  pid_t child = ::fork();
  if (child == 0) OpenDeviceIn(procs.c_str());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 3;
  if (code == 0) return Held("the device control group refuses a device of the host");
  if (code == 2) return Held("this host has no device to try the device control group with");
  return Broken(code == 1 ? "the device control group lets a device through"
                          : "the device control group at " + procs + " cannot be entered");
}

}  // namespace

Task<CaseResult> DeviceGroupHolds(Context& ctx, Sandbox& box) {
  auto where = co_await ProbeIn(ctx, box, "where");
  auto job = [ns = where.detail] { return GroupHolds(ns); };
  co_return co_await ctx.reactor.Blocking(job);
}

}  // namespace podium::sandbox::escape
