#include "scoring/seal_probe.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string>

#include "base/files.h"
#include "base/unique_fd.h"
#include "scoring/seal.h"

namespace podium::scoring {
namespace {

// A call that changes nothing where it gets through.
struct Attempt {
  const char* name;
  long call;
  long a = 0, b = 0, c = 0, d = 0, e = 0;
};

long Text(const char* text) { return reinterpret_cast<long>(text); }

std::vector<Attempt> Attempts() {
  const long nowhere = Text("/podium-nowhere"), cwd = AT_FDCWD;
  std::vector<Attempt> out = {
      {"openat", SYS_openat, cwd, Text("/"), O_RDONLY},
      {"openat2", SYS_openat2, cwd, nowhere, 0, 0},
      {"open_by_handle_at", SYS_open_by_handle_at, -1, 0, 0},
      {"name_to_handle_at", SYS_name_to_handle_at, cwd, nowhere, 0, 0, 0},
      {"renameat2", SYS_renameat2, cwd, nowhere, cwd, nowhere, 0},
      {"linkat", SYS_linkat, cwd, nowhere, cwd, nowhere, 0},
      {"symlinkat", SYS_symlinkat, Text(""), cwd, nowhere},
      {"mknodat", SYS_mknodat, cwd, nowhere, 0x8000000, 0},
      {"mkdirat", SYS_mkdirat, cwd, Text(""), 0},
      {"unlinkat", SYS_unlinkat, cwd, nowhere, 0},
      {"fchmodat", SYS_fchmodat, cwd, nowhere, 0},
      {"truncate", SYS_truncate, nowhere, 0},
      {"newfstatat of a path", SYS_newfstatat, cwd, Text("/"), 0, 0},
      {"clone of a process", SYS_clone, SIGCHLD},
      {"clone3", SYS_clone3, 0, 0},
      {"execve", SYS_execve, nowhere, 0, 0},
      {"execveat", SYS_execveat, cwd, nowhere, 0, 0, 0},
      {"socket", SYS_socket, 1, 1, 0},
      {"connect", SYS_connect, -1, 0, 0},
      {"ptrace", SYS_ptrace, 16, ::getpid(), 0, 0},
      {"process_vm_readv", SYS_process_vm_readv, ::getpid(), 0, 0, 0, 0},
      {"pidfd_open", SYS_pidfd_open, ::getpid(), 0},
      {"pidfd_getfd", SYS_pidfd_getfd, -1, 0, 0},
      {"finit_module", SYS_finit_module, -1, Text(""), 0},
      {"init_module", SYS_init_module, 0, 0, Text("")},
      {"mount", SYS_mount, 0, nowhere, 0, 0, 0},
      {"unshare", SYS_unshare, 0},
      {"setns", SYS_setns, -1, 0},
      {"kill", SYS_kill, ::getpid(), 0},
      {"tgkill of another", SYS_tgkill, ::getpid() + 1, ::getpid() + 1, 0},
      {"prlimit64 of another", SYS_prlimit64, ::getpid() + 1, RLIMIT_AS, 0, 0},
      {"setpriority", SYS_setpriority, 0, 0, 0},
      {"bpf", SYS_bpf, 0, 0, 0},
      {"perf_event_open", SYS_perf_event_open, 0, 0, -1, -1, 0},
      {"io_uring_setup", SYS_io_uring_setup, 0, 0},
      {"keyctl", SYS_keyctl, 0, -3, 0},
      {"memfd_create", SYS_memfd_create, Text(""), 0},
      {"userfaultfd", SYS_userfaultfd, 0},
      {"setuid", SYS_setuid, 0},
      {"capset", SYS_capset, 0, 0}};
#if defined(__x86_64__)
  for (const Attempt& old :
       {Attempt{"open", SYS_open, Text("/"), O_RDONLY},
        Attempt{"rename", SYS_rename, nowhere, nowhere},
        Attempt{"link", SYS_link, nowhere, nowhere},
        Attempt{"symlink", SYS_symlink, Text(""), nowhere},
        Attempt{"mknod", SYS_mknod, nowhere, 0x8000000, 0}, Attempt{"fork", SYS_fork}})
    out.push_back(old);
#endif
  return out;
}

void Say(int fd, const std::string& line) {
  if (!WriteAll(fd, line + "\n")) ::_exit(1);
}

// Behind the seal: what is asked of the kernel, and then a wait until the other end is closed.
int InTheSeal(int to, int from) {
  auto attempts = Attempts();
  for (const Attempt& t : attempts) {
    errno = 0;
    long got = ::syscall(t.call, t.a, t.b, t.c, t.d, t.e, 0);
    if (got == 0 && (t.call == SYS_clone || std::string(t.name) == "fork")) ::_exit(0);
    if (got >= 0 || (errno != EPERM && errno != ENOSYS)) Say(to, std::string("call ") + t.name);
  }
  Say(to, "tried " + std::to_string(attempts.size()));
  char byte = 0;
  return ::read(from, &byte, 1) == 0 ? 0 : 1;
}

// What the kernel says of the sealed process, where this one had something to give up.
void Inspect(pid_t child) {
  std::string proc = "/proc/" + std::to_string(child);
  auto status = ReadFile(proc + "/status");
  auto mounts = ReadFile(proc + "/mountinfo");
  if (!status || !mounts) {
    std::puts("privilege unknown");
    return;
  }
  for (const char* line : {"CapPrm:\t0000000000000000", "CapEff:\t0000000000000000",
                           "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"})
    if (status->find(line) == std::string::npos) std::printf("privilege not %s\n", line);
  if (::geteuid() != 0) return;
  for (const char* line : {"Uid:\t65534\t65534\t65534\t65534", "Groups:\t \n"})
    if (status->find(line) == std::string::npos) std::puts("privilege of a user or a group");
  for (const char* name : {"net", "mnt", "ipc", "uts", "pid", "cgroup"}) {
    std::error_code ec;
    auto theirs = std::filesystem::read_symlink(proc + "/ns/" + name, ec);
    auto ours = std::filesystem::read_symlink(std::string("/proc/self/ns/") + name, ec);
    if (theirs.empty() || theirs == ours) std::printf("shares namespace %s\n", name);
  }
  if (std::count(mounts->begin(), mounts->end(), '\n') != 1) std::puts("shares mounts of the host");
}

pid_t OnlyChildOf(pid_t runner) {
  std::string task = "/proc/" + std::to_string(runner) + "/task/" + std::to_string(runner);
  auto listed = ReadFile(task + "/children");
  return listed ? std::atoi(listed->c_str()) : 0;
}

// All that the sealed process says, up to its last line.
std::string ReadReport(int fd) {
  std::string out;
  char piece[4096];
  while (out.find("tried ") == std::string::npos || !out.ends_with('\n')) {
    ssize_t n = ::read(fd, piece, sizeof piece);
    if (n <= 0) break;
    out.append(piece, static_cast<std::size_t>(n));
  }
  return out;
}

}  // namespace

int ProbeSeal() {
  int up[2], hold[2];
  if (::pipe2(up, O_CLOEXEC) != 0 || ::pipe2(hold, O_CLOEXEC) != 0) return 1;
  UniqueFd read_report(up[0]), report(up[1]), wait(hold[0]), end(hold[1]);
  pid_t runner = ::fork();
  if (runner == 0) {
    end.reset();
    ::_exit(RunSealed([&] { return InTheSeal(report.get(), wait.get()); }));
  }
  report.reset();
  std::string said = ReadReport(read_report.get());
  pid_t child = OnlyChildOf(runner);
  if (child > 0) Inspect(child);
  std::fputs(said.c_str(), stdout);
  std::fflush(stdout);
  end.reset();
  int status = 0;
  ::waitpid(runner, &status, 0);
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

}  // namespace podium::scoring
