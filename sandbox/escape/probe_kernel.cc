// Group K: the kernel's surface. Every call has arguments with which it fails before it does
// anything, where it is reachable at all.

#include <fcntl.h>
#include <ftw.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "sandbox/escape/probe.h"

namespace podium::probe {
namespace {

struct Flag {
  unsigned long value;
  const char* name;
};
constexpr Flag kNamespaces[] = {
    {CLONE_NEWNS, "mount"},  {0x02000000, "cgroup"}, {CLONE_NEWUTS, "uts"}, {CLONE_NEWIPC, "ipc"},
    {CLONE_NEWUSER, "user"}, {CLONE_NEWPID, "pid"},  {CLONE_NEWNET, "net"}};
constexpr unsigned long kTimeNamespace = 0x80;

// gVisor gives user namespaces of its own. What they are worth: no device and no handle of the
// host.
void OwnUserNamespace() {
  int status = InChild([] {
    if (unshare(CLONE_NEWUSER) != 0) return 0;
    for (unsigned minor : {1u, 11u}) {
      mknod("/tmp/probe-node", S_IFCHR | 0666, makedev(1, minor));
      bool opens = Opens("/tmp/probe-node", O_RDONLY);
      unlink("/tmp/probe-node");
      if (opens) return 1;
    }
    return syscall(SYS_kexec_load, 0, 0, nullptr, ~0ul) == 0 ? 1 : 0;
  });
  Expect(ExitedWith(status, 0), "a user namespace reaches devices");
}

void Namespaces(int, char**) {
  if (g_user_space_kernel) return OwnUserNamespace();
  for (const Flag& flag : kNamespaces) {
    char what[64];
    snprintf(what, sizeof what, "clone with a %s namespace", flag.name);
    // Signal 0 and an exit at once: a child that came to be needs no more than a wait.
    long pid = syscall(SYS_clone, flag.value | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (pid == 0) _exit(0);
    Blocked(pid, what);
    if (pid > 0) waitpid(static_cast<pid_t>(pid), nullptr, 0);
    int status = InChild([&flag] { return unshare(static_cast<int>(flag.value)) == 0 ? 1 : 0; });
    Expect(ExitedWith(status, 0), "unshare of the %s namespace", flag.name);
  }
  int status = InChild([] { return syscall(SYS_unshare, kTimeNamespace) == 0 ? 1 : 0; });
  Expect(ExitedWith(status, 0), "unshare of the time namespace");
  long rc = syscall(SYS_clone3, nullptr, 0);
  Expect(rc < 0 && errno == ENOSYS, "clone3 gives %s, so libc does not fall back", strerror(errno));
  int ns = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
  Blocked(syscall(SYS_setns, ns, 0), "setns");
}

struct Call {
  long number;
  const char* name;
  long args[6];
};
constexpr long kNowhere = 1;  // an address that nobody can read

constexpr Call kCalls[] = {
    {321, "bpf", {0, kNowhere, 0}},
    {298, "perf_event_open", {kNowhere, -1, -1, -1, -1}},
    {323, "userfaultfd", {-1}},
    {425, "io_uring_setup", {0, kNowhere}},
    {426, "io_uring_enter", {-1, 0, 0, 0, 0, 0}},
    {427, "io_uring_register", {-1, 0, kNowhere, 0}},
    {248, "add_key", {kNowhere, kNowhere, 0, 0, 0}},
    {249, "request_key", {kNowhere, kNowhere, 0, 0}},
    {250, "keyctl", {0xffff, 0, 0, 0, 0}},
    {246, "kexec_load", {0, 0, kNowhere, -1}},
    {320, "kexec_file_load", {-1, -1, 0, kNowhere, -1}},
    {175, "init_module", {kNowhere, 0, kNowhere}},
    {313, "finit_module", {-1, kNowhere, -1}},
    {176, "delete_module", {kNowhere, 0}},
    {179, "quotactl", {-1, kNowhere, 0, 0}},
    {443, "quotactl_fd", {-1, -1, 0, 0}},
    {167, "swapon", {kNowhere, 0}},
    {168, "swapoff", {kNowhere}},
    {163, "acct", {kNowhere}},
    {300, "fanotify_init", {-1, -1}},
    {301, "fanotify_mark", {-1, -1, 0, -1, kNowhere}},
    {101, "ptrace", {0xffff, 0, 0, 0}},
    {310, "process_vm_readv", {-1, kNowhere, 1, kNowhere, 1, 0}},
    {311, "process_vm_writev", {-1, kNowhere, 1, kNowhere, 1, 0}},
    {312, "kcmp", {-1, -1, 0xffff, 0, 0}},
    {438, "pidfd_getfd", {-1, -1, -1}},
    {440, "process_madvise", {-1, kNowhere, 1, -1, -1}},
    {447, "memfd_secret", {-1}},
    {172, "iopl", {4}},
    {173, "ioperm", {-1, -1, 1}},
    {169, "reboot", {0, 0, 0, 0}},
    {164, "settimeofday", {kNowhere, 0}},
    {227, "clock_settime", {0, kNowhere}},
    {170, "sethostname", {kNowhere, 1}},
    {171, "setdomainname", {kNowhere, 1}},
    {256, "migrate_pages", {-1, 1, kNowhere, kNowhere}},
    {279, "move_pages", {-1, 1, kNowhere, kNowhere, kNowhere, 0}},
    {278, "vmsplice", {-1, kNowhere, 1, 0}},
    {165, "mount", {kNowhere, kNowhere, kNowhere, 0, 0}},
    {166, "umount2", {kNowhere, 0}},
};

void BlockAll(const Call* calls, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const long* a = calls[i].args;
    Blocked(syscall(calls[i].number, a[0], a[1], a[2], a[3], a[4], a[5]), calls[i].name);
  }
}

void Calls(int, char**) { BlockAll(kCalls, sizeof kCalls / sizeof kCalls[0]); }

// getpid by two other doors: a kernel or profile that has them shut kills the caller or refuses.
void OtherAbis(int, char**) {
  int status = InChild([] {
    long answer = 20;  // getpid of the 32-bit table
    asm volatile("int $0x80" : "+a"(answer) : : "memory", "r8", "r9", "r10", "r11");
    return answer == getpid() ? 1 : 0;
  });
  Expect(ExitedWith(status, 0) || WIFSIGNALED(status), "int 0x80 is answered");
  status = InChild([] { return syscall(0x40000000 | SYS_getpid) == getpid() ? 1 : 0; });
  Expect(ExitedWith(status, 0) || WIFSIGNALED(status), "x32 calls are answered");
  Expect(ExitedWith(InChild([] { return syscall(SYS_getpid) == getpid() ? 1 : 0; }), 1),
         "control: getpid by its own number does not work");
}

void UnknownNumbers(int, char**) {
  for (long number : {600L, 999L, 4096L, 0x3fffffffL}) {
    long rc = syscall(number, 0, 0, 0, 0, 0, 0);
    Expect(rc < 0 && errno == ENOSYS, "call %ld gives %s instead of ENOSYS", number,
           rc < 0 ? strerror(errno) : "a result");
  }
}

int g_setuid_files = 0;
int CountSetuid(const char*, const struct stat* st, int type, FTW*) {
  if (type == FTW_F && (st->st_mode & (S_ISUID | S_ISGID))) ++g_setuid_files;
  return 0;
}

// What a program that should give privileges has got.
void WhoAmI(int, char**) {
  char effective[64] = "?";
  StatusField("self", "CapEff", effective, sizeof effective);
  Expect(geteuid() == getuid() && getuid() != 0, "user %u became %u", getuid(), geteuid());
  Expect(getegid() == getgid() && getgid() != 0, "group %u became %u", getgid(), getegid());
  Expect(strtoull(effective, nullptr, 16) == 0, "capabilities %s", effective);
}

bool RunsWithoutGain(const char* program, const char* backend) {
  int status = InChild([=] {
    dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 1);
    execl(program, program, "whoami", backend, static_cast<char*>(nullptr));
    return 0;  // not run: no gain
  });
  return ExitedWith(status, 0);
}

bool CopySelf(const char* to, mode_t mode) {
  int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  char chunk[65536];
  ssize_t n = -1;
  while (in >= 0 && out >= 0 && (n = read(in, chunk, sizeof chunk)) > 0 &&
         write(out, chunk, static_cast<size_t>(n)) == n) {
  }
  fchmod(out, mode);
  close(in);
  return close(out) == 0 && n == 0;
}

// Every mount that can hold a file of the agent or the image ignores set-user-id bits.
void MountsAreNosuid() {
  static char text[1 << 16];
  if (ReadText("/proc/self/mountinfo", text, sizeof text) < 0) CannotTry("no mountinfo");
  for (char* line = strtok(text, "\n"); line; line = strtok(nullptr, "\n")) {
    char where[1024] = "", options[1024] = "";
    if (sscanf(line, "%*s %*s %*s %*s %1023s %1023s", where, options) != 2) continue;
    bool writable =
        strcmp(where, "/tmp") == 0 || strcmp(where, "/home") == 0 || strcmp(where, "/dev/shm") == 0;
    if (writable || strcmp(where, "/") == 0)
      Expect(strstr(options, "nosuid") || (g_engine_root && !writable), "%s is mounted %s", where,
             options);
    if (writable) Expect(strstr(options, "nodev") != nullptr, "%s is mounted %s", where, options);
  }
}

// Arguments: set-user-id programs that the case's image layer holds.
void Setuid(int argc, char** argv) {
  const char* backend = g_user_space_kernel ? "runsc" : "runc";
  Expect(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, "no_new_privs is not set");
  if (!g_user_space_kernel) MountsAreNosuid();
  for (const char* copy : {"/home/agent/probe-suid", "/tmp/probe-suid"}) {
    if (!CopySelf(copy, 06755)) CannotTry("%s cannot be written", copy);
    Expect(RunsWithoutGain(copy, backend), "a set-user-id copy at %s gives privileges", copy);
    unlink(copy);
  }
  for (int i = 0; i < argc; ++i) {
    Expect(access(argv[i], X_OK) == 0, "control: %s is not there", argv[i]);
    Expect(RunsWithoutGain(argv[i], backend), "%s gives privileges", argv[i]);
  }
  for (const char* dir : {"/usr/bin", "/usr/sbin", "/usr/lib", "/usr/local"})
    nftw(dir, CountSetuid, 16, FTW_PHYS);
  Say("%d set-user-id files in the image", g_setuid_files);
}

void Capabilities(int, char**) {
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    char value[64] = "?";
    bool there = StatusField("self", set, value, sizeof value);
    // gVisor has no ambient set.
    if (!there && g_user_space_kernel) continue;
    Expect(there && strtoull(value, nullptr, 16) == 0, "%s is %s", set, value);
  }
  Expect(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) <= 0, "securebits are set");
  Failed(prctl(PR_SET_SECUREBITS, 1, 0, 0, 0), "PR_SET_SECUREBITS");
  for (long cap : {CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_SYS_PTRACE, CAP_SETUID}) {
    Expect(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) != 0, "capability %ld raised",
           cap);
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {{~0u, ~0u, 0}, {0xff, 0xff, 0}};
  Failed(syscall(SYS_capset, &header, data), "capset");
  Failed(syscall(SYS_setuid, 0), "setuid(0)");
  Failed(syscall(SYS_setgid, 0), "setgid(0)");
  gid_t root = 0, groups[64];
  Failed(syscall(SYS_setgroups, 1, &root), "setgroups");
  int n = getgroups(64, groups);
  for (int i = 0; i < n; ++i) Expect(groups[i] != 0, "root's group is among ours");
}

void Terminals(int, char**) {
  char letter = 'x', code = 3;
  Expect(!Opens("/dev/tty", O_RDWR), "/dev/tty opens: there is a controlling terminal");
  for (const char* path : {"/dev/console", "/dev/tty0", "/dev/tty1", "/dev/vcs", "/dev/pts/0"})
    Expect(!Opens(path, O_RDWR), "%s opens", path);
  for (int fd = 0; fd < 3; ++fd) {
    Failed(ioctl(fd, TIOCSTI, &letter), "TIOCSTI");
    Failed(ioctl(fd, TIOCLINUX, &code), "TIOCLINUX");
    Failed(ioctl(fd, TIOCSCTTY, 1), "TIOCSCTTY");
  }
}

void Personality(int, char**) {
  constexpr unsigned long kReadImpliesExec = 0x0400000;
  int status = InChild([] { return syscall(SYS_personality, kReadImpliesExec) >= 0 ? 1 : 0; });
  Expect(ExitedWith(status, 0), "personality(READ_IMPLIES_EXEC)");
  // Function 0 only reads the table.
  char table[16];
  Blocked(syscall(SYS_modify_ldt, 0, table, sizeof table), "modify_ldt");
}

// Programs that fence themselves in must be able to.
int OwnFilter() {
  sock_filter program[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                           BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
                           BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
                           BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  sock_fprog filter{sizeof program / sizeof program[0], program};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) return 1;
  return syscall(SYS_getppid) < 0 && errno == EXDEV ? 0 : 1;
}

int OwnLandlock() {
  landlock_ruleset_attr attr{};
  attr.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE;
  int rules = static_cast<int>(syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0));
  if (rules < 0) return 2;
  if (syscall(SYS_landlock_restrict_self, rules, 0) != 0) return 1;
  return Opens("/etc/passwd", O_RDONLY) ? 1 : 0;
}

void Fences(int, char**) {
  Expect(ExitedWith(InChild(OwnFilter), 0), "control: an own seccomp filter does not work");
  int landlock = InChild(OwnLandlock);
  if (ExitedWith(landlock, 2))
    Say("no Landlock in this kernel");
  else
    Expect(ExitedWith(landlock, 0), "control: an own Landlock ruleset does not work");
  Blocked(syscall(SYS_pidfd_getfd, 1, 3, 0), "pidfd_getfd");
  Blocked(syscall(SYS_ptrace, 0x420c, 1, 0, nullptr), "ptrace(SECCOMP_GET_FILTER) of init");
}

constexpr Call kMountCalls[] = {
    {428, "open_tree", {AT_FDCWD, kNowhere, 1}},
    {429, "move_mount", {-1, kNowhere, -1, kNowhere, 0}},
    {430, "fsopen", {kNowhere, 0}},
    {431, "fsconfig", {-1, 0xffff, 0, 0, 0}},
    {432, "fsmount", {-1, 0, 0}},
    {433, "fspick", {AT_FDCWD, kNowhere, 0}},
    {442, "mount_setattr", {-1, kNowhere, 0, kNowhere, 0}},
    {457, "statmount", {kNowhere, kNowhere, 0, 0}},
    {458, "listmount", {kNowhere, kNowhere, 0, 0}},
    {467, "open_tree_attr", {-1, kNowhere, 0, kNowhere, 0}},
    {165, "mount", {kNowhere, kNowhere, kNowhere, 0, 0}},
};

void MountCalls(int, char**) {
  BlockAll(kMountCalls, sizeof kMountCalls / sizeof kMountCalls[0]);
  Blocked(syscall(428, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */), "open_tree(CLONE)");
  Blocked(syscall(430, "tmpfs", 0), "fsopen(tmpfs)");
}

bool Writes(const char* path, const char* text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool written = write(fd, text, strlen(text)) >= 0;
  close(fd);
  return written;
}

void RenameOther(const char* pid) {
  char path[64];
  if (atoi(pid) == getpid()) return;
  for (const char* file : {"comm", "oom_score_adj", "coredump_filter", "timerslack_ns"}) {
    snprintf(path, sizeof path, "/proc/%s/%s", pid, file);
    Expect(!Writes(path, "1"), "%s can be written", path);
  }
}

void ProcAttributes(int, char**) {
  // gVisor keeps the number but does nothing with it.
  if (!g_user_space_kernel) {
    for (const char* value : {"-1", "-1000"})
      Expect(!Writes("/proc/self/oom_score_adj", value), "oom_score_adj %s", value);
  }
  for (const char* file : {"current", "exec", "fscreate", "keycreate", "sockcreate"}) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/attr/%s", file);
    Expect(!Writes(path, "unconfined"), "%s can be written", path);
  }
  for (const char* path : {"/proc/self/loginuid", "/proc/self/uid_map", "/proc/self/gid_map"})
    Expect(!Writes(path, "0 0 1"), "%s can be written", path);
  EachProcess(RenameOther);
}

void OneProgram(const char* pid) {
  char path[64], target[4096] = {}, name[64] = "?";
  snprintf(path, sizeof path, "/proc/%s/exe", pid);
  bool own = atoi(pid) == getpid(), init = strcmp(pid, "1") == 0;
  if (init) {
    StatusField(pid, "Name", name, sizeof name);
    Expect(strstr(name, "podium-init") != nullptr, "PID 1 is %s", name);
  }
  Expect(own || init, "process %s is not of this sandbox", pid);
  if (readlink(path, target, sizeof target - 1) > 0)
    Expect(strstr(target, "podium-probe") || strstr(target, "podium-init"), "%s is %s", path,
           target);
  if (!own) Expect(!Opens(path, O_WRONLY), "%s opens for writing", path);
}

void Programs(int, char**) {
  Expect(getppid() == 1, "our parent is %d", getppid());
  EachProcess(OneProgram);
  Expect(Opens("/.podium-init", O_RDONLY), "control: /.podium-init is not there");
  Expect(!Opens("/.podium-init", O_WRONLY), "/.podium-init opens for writing");
  Failed(unlink("/.podium-init"), "unlink of /.podium-init");
  Failed(chmod("/.podium-init", 0777), "chmod of /.podium-init");
}

void Prctl(int, char**) {
  Expect(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) == 0, "control: PR_SET_PDEATHSIG of our own");
  Failed(prctl(PR_SET_MM, PR_SET_MM_START_BRK, 0x1000, 0, 0), "PR_SET_MM");
  // Core scheduling: init's cookie taken or given.
  constexpr int kSchedCore = 62, kShareTo = 2, kShareFrom = 3;
  Failed(prctl(kSchedCore, kShareTo, 1, 0, 0), "a core scheduling cookie given to init");
  Failed(prctl(kSchedCore, kShareFrom, 1, 0, 0), "init's core scheduling cookie taken");
  int status = InChild([] {
    prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    prctl(PR_SET_NAME, "podium-init", 0, 0, 0);
    return 7;
  });
  Expect(ExitedWith(status, 7), "control: prctl on itself ends a process");
  Failed(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), "PR_SET_NO_NEW_PRIVS taken back");
  // gVisor keeps the number alone.
  if (!g_user_space_kernel) Failed(setpriority(PRIO_PROCESS, 1, -5), "init's priority raised");
}

}  // namespace

const ProbeCase kKernelProbes[] = {
    {"K01", Namespaces},  {"K02", Calls},     {"K03", OtherAbis},    {"K04", UnknownNumbers},
    {"K05", Setuid},      {"whoami", WhoAmI}, {"K06", Capabilities}, {"K07", Terminals},
    {"K08", Personality}, {"K09", Fences},    {"K10", MountCalls},   {"K12", ProcAttributes},
    {"K13", Programs},    {"K14", Prctl},     {nullptr, nullptr}};

}  // namespace podium::probe
