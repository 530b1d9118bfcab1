// P, continued: what a process may do to PID 1, and to memory that no control group counts.
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>

#include "sandbox/escape/probe.h"

namespace podium::probe {
namespace {

// The profile names PID 1 in these calls, so that they do not even get to the kernel's own check.
void NamedByProfile(long result, const char* what) {
  int error = errno;
  if (result >= 0 || g_user_space_kernel)
    Failed(result, what);
  else
    Expect(error == ENOSYS || error == EPERM, "%s of PID 1: %s", what, strerror(error));
  // Docker before 23 says EPERM whatever the profile says, as the kernel's own check does.
  if (result < 0 && !g_user_space_kernel && !g_engine_root)
    Expect(error == ENOSYS, "%s of PID 1 is kept by its user alone", what);
}

void Limits() {
  // A number above 32 bits is the same process to the kernel.
  for (long pid : {1L, (1L << 32) + 1}) {
    for (int what = 0; what < 16; ++what) {
      rlimit least{0, 0};
      NamedByProfile(syscall(SYS_prlimit64, pid, what, &least, nullptr), "a lower limit");
    }
    // gVisor takes these and does nothing with them: the host schedules its threads.
    if (g_user_space_kernel) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    NamedByProfile(syscall(SYS_sched_setaffinity, pid, sizeof one, &one), "the CPUs");
    NamedByProfile(syscall(SYS_setpriority, PRIO_PROCESS, pid, 19), "the priority");
  }
  if (g_user_space_kernel) return;
  NamedByProfile(syscall(SYS_setpriority, PRIO_PGRP, 1, 19), "the priority of the group");
  Failed(syscall(SYS_setpriority, PRIO_USER, 0, 19), "the priority of the user");
}

void OtherCalls() {
  struct {
    uint32_t size = 48, policy = 5;  // SCHED_IDLE
    uint64_t flags = 0;
    int32_t nice = 19;
    uint32_t priority = 0;
    uint64_t runtime = 0, deadline = 0, period = 0;
  } attributes;
  sched_param none{};
  unsigned long nodes = 1;
  Failed(syscall(SYS_sched_setattr, 1, &attributes, 0), "sched_setattr of PID 1");
  Failed(syscall(SYS_sched_setscheduler, 1, 5, &none), "sched_setscheduler of PID 1");
  Failed(syscall(SYS_sched_setparam, 1, &none), "sched_setparam of PID 1");
  Failed(syscall(SYS_ioprio_set, 1, 1, 3 << 13), "ioprio_set of PID 1");
  Failed(syscall(SYS_migrate_pages, 1, 64, &nodes, &nodes), "migrate_pages of PID 1");
  Failed(syscall(SYS_move_pages, 1, 1, &nodes, nullptr, nullptr, 0), "move_pages of PID 1");
  Failed(syscall(SYS_kcmp, 1, getpid(), 0, 0, 0), "kcmp of PID 1");
  long fd = syscall(SYS_pidfd_open, 1, 0);
  Failed(syscall(SYS_process_madvise, fd, nullptr, 0, 4, 0), "process_madvise of PID 1");
  Failed(syscall(SYS_process_mrelease, fd, 0), "process_mrelease of PID 1");
  if (!g_user_space_kernel) Failed(syscall(SYS_setpgid, 1, getpid()), "setpgid of PID 1");
}

// Some may be opened by everybody, and say no when they are written to.
bool Writes(const char* path) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  bool wrote = fd >= 0 && write(fd, "1", 1) == 1;
  if (fd >= 0) close(fd);
  return wrote;
}

void FilesOfInit() {
  for (const char* name : {"oom_score_adj", "oom_adj", "autogroup", "timerslack_ns", "clear_refs",
                           "coredump_filter", "comm", "sched", "loginuid", "make-it-fail"}) {
    char path[64];
    snprintf(path, sizeof path, "/proc/1/%s", name);
    Expect(!Writes(path), "%s can be written", path);
    snprintf(path, sizeof path, "/proc/1/task/1/%s", name);
    Expect(!Writes(path), "%s can be written", path);
  }
}

void ReachForInit(int, char**) {
  char theirs[128] = "", ours[128] = "";
  bool read = StatusField("1", "Uid", theirs, sizeof theirs) &&
              StatusField("self", "Uid", ours, sizeof ours);
  Expect(read && strcmp(theirs, ours) != 0, "PID 1 is the same user: %s", theirs);
  Limits();
  OtherCalls();
  FilesOfInit();
  // Honest programs set their own by their own number.
  cpu_set_t own;
  Expect(sched_getaffinity(0, sizeof own, &own) == 0 &&
             sched_setaffinity(getpid(), sizeof own, &own) == 0 &&
             sched_setaffinity(gettid(), sizeof own, &own) == 0,
         "control: its own CPUs");
  rlimit stack{};
  Expect(syscall(SYS_prlimit64, getpid(), RLIMIT_STACK, nullptr, &stack) == 0 &&
             syscall(SYS_prlimit64, getpid(), RLIMIT_STACK, &stack, nullptr) == 0,
         "control: its own limits");
  // One more than whatever it was started with.
  int nicer = std::min(19, getpriority(PRIO_PROCESS, static_cast<id_t>(getpid())) + 1);
  Expect(setpriority(PRIO_PROCESS, static_cast<id_t>(getpid()), nicer) == 0,
         "control: its own nice");
}

// Argument: how many. Byte-range locks, 2,000 a file, held until the end.
void TakeLocks(int argc, char** argv) {
  long many = argc > 0 ? atol(argv[0]) : 100;
  int fd = -1;
  long taken = 0;
  for (; taken < many; ++taken) {
    if (taken % 2000 == 0) {
      char path[64];
      snprintf(path, sizeof path, "/home/code/locks-%ld", taken / 2000);
      fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    }
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_start = (taken % 2000) * 2;
    range.l_len = 1;
    if (fcntl(fd, F_SETLK, &range) != 0) break;
  }
  Say("%ld locks", taken);
  Expect(taken < many || many <= 1000, "%ld locks could be taken and held", taken);
}

// Argument: the memory limit. Writes to connections of its own that nobody reads.
void FillConnections(int argc, char** argv) {
  unsigned long long limit = argc > 0 ? strtoull(argv[0], nullptr, 10) : 0, held = 0;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* where = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener, where, size) != 0 || listen(listener, 128) != 0 ||
      getsockname(listener, where, &size) != 0)
    CannotTry("no listener");
  static char chunk[65536];
  long long until = NowMs() + 6000;
  for (int i = 0; i < 100 && NowMs() < until && held < 2 * limit; ++i) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int much = 64 << 20;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &much, sizeof much);
    if (connect(fd, where, size) != 0) break;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    // The kernel widens a window step by step: it is asked again for a while.
    for (int tries = 0; tries < 20; ++tries) {
      ssize_t n = 0;
      while ((n = send(fd, chunk, sizeof chunk, MSG_NOSIGNAL)) > 0)
        held += static_cast<unsigned long long>(n);
      usleep(2000);
    }
  }
  Say("%llu MiB of unread bytes", held >> 20);
  Expect(held <= limit, "%llu MiB lie in buffers, beyond the memory limit", held >> 20);
}

}  // namespace

const ProbeCase kSupervisorProbes[] = {
    {"P16", ReachForInit}, {"P18", TakeLocks}, {"P19", FillConnections}, {nullptr, nullptr}};

}  // namespace podium::probe
