// P: what a process may do to the supervisor and to counters that belong to a user of the host.
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/uio.h>

#include "sandbox/escape/probe.h"

namespace podium::probe {
namespace {

void LookIntoInit(int, char**) {
  Blocked(syscall(SYS_ptrace, PTRACE_ATTACH, 1, 0, 0), "ptrace(ATTACH, 1)");
  Blocked(syscall(SYS_ptrace, PTRACE_SEIZE, 1, 0, 0), "ptrace(SEIZE, 1)");
  char byte = 0;
  iovec local{&byte, 1}, remote{reinterpret_cast<void*>(0x400000), 1};
  Blocked(syscall(SYS_process_vm_readv, 1, &local, 1, &remote, 1, 0), "process_vm_readv(1)");
  Blocked(syscall(SYS_process_vm_writev, 1, &local, 1, &remote, 1, 0), "process_vm_writev(1)");
  for (const char* file : {"/proc/1/mem", "/proc/1/environ", "/proc/1/maps", "/proc/1/fd/3",
                           "/proc/1/pagemap", "/proc/1/auxv"})
    Expect(g_user_space_kernel || !Opens(file, O_RDONLY), "%s can be opened", file);
  Blocked(syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 3, 0), "pidfd_getfd(1, 3)");
}

// Each resource is used until it is refused; a bound that is far above the limit means none.
void UseUp(int, char**) {
  int n = 0;
  int status = InChild([&] {
    for (n = 0; n < 20000; ++n) {
      if (open("/dev/null", O_RDONLY) < 0) return errno == EMFILE ? 0 : 1;
    }
    return 2;
  });
  Expect(ExitedWith(status, 0), "20,000 descriptors could be opened");
  status = InChild([&] {
    for (n = 0; n < 3000; ++n) {
      if (inotify_init1(0) < 0) return 0;
    }
    return 2;
  });
  // gVisor's own objects, whose memory is the sandbox's.
  Expect(g_user_space_kernel || ExitedWith(status, 0), "3,000 inotify instances could be made");
  status = InChild([&] {
    for (n = 0; n < 3000; ++n) {
      char name[32];
      snprintf(name, sizeof name, "/podium-%d", n);
      if (mq_open(name, O_CREAT | O_RDWR, 0600, nullptr) < 0) {
        for (int i = 0; i < n; ++i) {
          snprintf(name, sizeof name, "/podium-%d", i);
          mq_unlink(name);
        }
        return 0;
      }
    }
    return 2;
  });
  Expect(g_user_space_kernel || ExitedWith(status, 0), "3,000 message queues could be made");
  // Memory of pipes and segments is the group's, so its limit is theirs; locks: P18.
  int segment = shmget(IPC_PRIVATE, size_t{1} << 40, IPC_CREAT | 0600);
  if (segment >= 0) {
    void* at = shmat(segment, nullptr, 0);
    shmctl(segment, IPC_RMID, nullptr);
    if (at != reinterpret_cast<void*>(-1)) shmdt(at);
  }
  Say("descriptors, inotify instances and message queues end at a limit");
}

void RaiseLimits(int, char**) {
  rlimit most{RLIM_INFINITY, RLIM_INFINITY};
  for (int what : {RLIMIT_NOFILE, RLIMIT_CORE}) {
    rlimit now{};
    getrlimit(static_cast<__rlimit_resource>(what), &now);
    Expect(now.rlim_max != RLIM_INFINITY, "limit %d has no hard bound", what);
    Failed(setrlimit(static_cast<__rlimit_resource>(what), &most), "setrlimit(unlimited)");
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  Expect(files.rlim_max == 8192, "RLIMIT_NOFILE is %lu, not 8192",
         static_cast<unsigned long>(files.rlim_max));
  rlimit core{};
  getrlimit(RLIMIT_CORE, &core);
  Expect(core.rlim_max == 0, "RLIMIT_CORE is %lu, not 0",
         static_cast<unsigned long>(core.rlim_max));
  Expect(g_user_space_kernel || setpriority(PRIO_PROCESS, 0, -10) != 0, "nice -10");
}

}  // namespace

const ProbeCase kProcessProbes[] = {
    {"P02", LookIntoInit}, {"P13", UseUp}, {"P15", RaiseLimits}, {nullptr, nullptr}};

}  // namespace podium::probe
