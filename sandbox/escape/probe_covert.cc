// Group C: channels between two sandboxes. Most have two verbs: one leaves a sign, one looks for
// it; the case runs them in different sandboxes, and for control in one.

#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "sandbox/escape/probe.h"

namespace podium::probe {
namespace {

// Arguments: "leave" or "look", a SysV key, a name.
void Ipc(int argc, char** argv) {
  if (argc < 3) CannotTry("a verb, a key and a name are needed");
  auto key = static_cast<key_t>(atoi(argv[1]));
  char queue[128], file[128];
  snprintf(queue, sizeof queue, "/%s", argv[2]);
  snprintf(file, sizeof file, "/dev/shm/%s", argv[2]);
  if (strcmp(argv[0], "leave") == 0) {
    bool made = shmget(key, 4096, IPC_CREAT | 0666) >= 0 && semget(key, 1, IPC_CREAT | 0666) >= 0 &&
                WriteText(file, "x");
    Expect(made, "control: the sandbox has no IPC of its own");
    msgget(key, IPC_CREAT | 0666);
    mq_attr attr{};
    attr.mq_maxmsg = 2;
    attr.mq_msgsize = 16;
    mq_open(queue, O_RDWR | O_CREAT, 0666, &attr);
    return;
  }
  Failed(shmget(key, 0, 0), "a shared memory segment of another");
  Failed(semget(key, 0, 0), "semaphores of another");
  Failed(msgget(key, 0), "a message queue of another");
  Failed(mq_open(queue, O_RDONLY), "a POSIX queue of another");
  Expect(!Opens(file, O_RDONLY), "%s of another", file);
  char text[8192];
  ssize_t size = ReadText("/proc/sysvipc/shm", text, sizeof text);
  if (size > 0) Expect(strstr(text, argv[1]) == nullptr, "/proc/sysvipc/shm lists the key");
}

// Whether our user is one of the host's own: has a lower number there than the argument (65,536).
// Prints that number for the case.
void Keys(int argc, char** argv) {
  unsigned least = argc > 0 ? static_cast<unsigned>(atoi(argv[0])) : 65536;
  char map[256] = "";
  unsigned inside = 0, outside = 0;
  ReadText("/proc/self/uid_map", map, sizeof map);
  sscanf(map, "%u %u", &inside, &outside);
  if (!g_user_space_kernel) {
    unsigned own = inside == outside ? getuid() : getuid() - inside + outside;
    Expect(own >= least, "our user is number %u on the host", own);
    Say("user %u", own);
  }
  unsigned char payload = 1;
  Blocked(syscall(SYS_add_key, "user", "podium-probe", &payload, 1, -2), "add_key");
  Blocked(syscall(SYS_request_key, "user", "podium-probe", nullptr, -2), "request_key");
  // KEYCTL_GET_KEYRING_ID of the user's keyring.
  long ring = syscall(SYS_keyctl, 0, -4, 0, 0, 0);
  Blocked(ring, "keyctl");
}

// Arguments: "hold" or "look", a file of the shared data, milliseconds. Locks of every kind, and a
// watch on the file. The last line tells from when to when.
void HoldLocks(const char* path, int ms) {
  int fd = open(path, O_RDONLY | O_CLOEXEC), second = open(path, O_RDONLY | O_CLOEXEC);
  int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0 || second < 0) CannotTry("%s cannot be opened", path);
  struct flock range {};
  range.l_type = F_RDLCK;
  range.l_whence = SEEK_SET;
  Expect(flock(fd, LOCK_EX) == 0, "control: flock");
  Expect(fcntl(second, F_SETLK, &range) == 0, "control: a POSIX lock");
  bool watched = inotify_add_watch(watch, path, IN_OPEN | IN_ACCESS | IN_CLOSE) >= 0;
  Expect(watched || g_user_space_kernel, "control: inotify");
  signal(SIGIO, SIG_IGN);
  char dir[4096];
  snprintf(dir, sizeof dir, "%s", path);
  if (char* slash = strrchr(dir, '/')) *slash = 0;
  int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  sigset_t io;
  sigemptyset(&io);
  sigaddset(&io, SIGIO);
  sigprocmask(SIG_BLOCK, &io, nullptr);
  signal(SIGIO, SIG_DFL);
  fcntl(folder, F_NOTIFY, DN_ACCESS | DN_MULTISHOT);
  long long from = NowMs();
  usleep(static_cast<useconds_t>(ms) * 1000);
  char events[4096];
  Expect(read(watch, events, sizeof events) <= 0, "inotify tells of another's opens");
  sigpending(&io);
  Expect(sigismember(&io, SIGIO) == 0, "dnotify tells of another's reads");
  Say("%lld %lld", from, NowMs());
}

void LookForLocks(const char* path, int ms) {
  long long from = NowMs();
  while (NowMs() < from + ms) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) CannotTry("%s cannot be opened", path);
    char byte;
    if (pread(fd, &byte, 1, 0) < 0) CannotTry("%s cannot be read", path);
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    if (!Expect(flock(fd, LOCK_EX | LOCK_NB) == 0, "another's flock is seen")) return;
    flock(fd, LOCK_UN);
    bool asked = fcntl(fd, F_GETLK, &range) == 0;
    if (!Expect(!asked || range.l_type == F_UNLCK, "another's POSIX lock is seen")) return;
    Failed(fcntl(fd, F_SETLEASE, F_WRLCK), "a write lease");
    close(fd);
    usleep(50'000);
  }
  Say("%lld %lld", from, NowMs());
}

void Locks(int argc, char** argv) {
  char path[4096];
  if (argc < 3 || !FirstFile(argv[1], path, sizeof path)) CannotTry("there is no data file");
  if (strcmp(argv[0], "hold") == 0)
    HoldLocks(path, atoi(argv[2]));
  else
    LookForLocks(path, atoi(argv[2]));
}

void Families(int, char**) {
  constexpr struct {
    int family;
    const char* name;
  } kFamilies[] = {{40, "AF_VSOCK"}, {38, "AF_ALG"},   {30, "AF_TIPC"},   {21, "AF_RDS"},
                   {41, "AF_KCM"},   {29, "AF_CAN"},   {39, "AF_NFC"},    {27, "AF_IB"},
                   {43, "AF_SMC"},   {45, "AF_MCTP"},  {15, "AF_KEY"},    {9, "AF_X25"},
                   {3, "AF_AX25"},   {24, "AF_PPPOX"}, {42, "AF_QIPCRTR"}};
  for (const auto& f : kFamilies) {
    for (int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW})
      Failed(socket(f.family, type | SOCK_CLOEXEC, 0), f.name);
  }
}

// Reads every byte of the first data file; the case looks at the times on the host.
void ReadData(int argc, char** argv) {
  char path[4096], chunk[65536];
  if (argc < 1 || !FirstFile(argv[0], path, sizeof path)) CannotTry("there is no data file");
  Expect(ReadText(path, chunk, sizeof chunk) > 0, "control: %s cannot be read", path);
}

// A line "DEVICE PATH" for each mount whose file system could be another sandbox's, too.
void FileSystems(int, char**) {
  static char text[1 << 18];
  if (ReadText("/proc/self/mountinfo", text, sizeof text) < 0) CannotTry("no mountinfo");
  char* rest = text;
  while (char* line = strsep(&rest, "\n")) {
    char device[32] = "", where[1024] = "";
    if (sscanf(line, "%*d %*d %31s %*s %1023s", device, where) == 2)
      printf("%s %s\n", device, where);
  }
}

void ShowInode(const char* path) {
  struct stat st {};
  if (stat(path, &st) == 0)
    printf("%lu:%lu %s\n", static_cast<unsigned long>(st.st_dev),
           static_cast<unsigned long>(st.st_ino), path);
}

// A line "DEVICE:INODE PATH" for each device node, namespace and covered file: things of the kernel
// that have one inode for whoever can open them.
void Inodes(int, char**) {
  constexpr const char* kPaths[] = {"/dev/null",
                                    "/dev/zero",
                                    "/dev/full",
                                    "/dev/random",
                                    "/dev/urandom",
                                    "/dev/tty",
                                    "/dev/ptmx",
                                    "/dev/pts/ptmx",
                                    "/dev/console",
                                    "/dev/shm",
                                    "/dev/mqueue",
                                    "/proc/kcore",
                                    "/proc/keys",
                                    "/proc/timer_list",
                                    "/proc/sched_debug",
                                    "/proc/kmsg",
                                    "/proc/kallsyms",
                                    "/proc/interrupts",
                                    "/proc/sys",
                                    "/proc/sysrq-trigger",
                                    "/sys/firmware",
                                    "/.podium-init",
                                    "/.podium",
                                    "/",
                                    "/home",
                                    "/home/data",
                                    "/tmp",
                                    "/usr/bin",
                                    "/etc/passwd",
                                    "/bin/sh"};
  for (const char* path : kPaths) ShowInode(path);
  for (const char* name : {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"}) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/ns/%s", name);
    ShowInode(path);
  }
}

// Argument: the host's machine id.
void Identity(int argc, char** argv) {
  char text[65536];
  gethostname(text, sizeof text);
  Expect(strcmp(text, "podium") == 0, "the host's name is %s", text);
  for (const char* path : {"/etc/machine-id", "/var/lib/dbus/machine-id"}) {
    bool same =
        argc > 0 && ReadText(path, text, sizeof text) > 0 && strncmp(text, argv[0], 32) == 0;
    Expect(!same, "%s is the host's", path);
  }
  for (const char* name : {"product_uuid", "product_serial", "board_serial"}) {
    char path[128];
    snprintf(path, sizeof path, "/sys/class/dmi/id/%s", name);
    Expect(!Opens(path, O_RDONLY), "%s can be read", path);
  }
  if (ReadText("/proc/self/cgroup", text, sizeof text) < 0) return;
  for (char* line = strtok(text, "\n"); line; line = strtok(nullptr, "\n")) {
    char* path = strrchr(line, ':');
    Expect(path && strcmp(path, ":/") == 0, "the control group %s is seen", line);
  }
}

// Arguments: the most bytes of /dev/shm and of /tmp.
void Sizes(int argc, char** argv) {
  constexpr const char* kDirs[] = {"/dev/shm", "/tmp"};
  for (int i = 0; i < argc && i < 2; ++i) {
    struct statvfs st {};
    bool asked = statvfs(kDirs[i], &st) == 0;
    unsigned long long size = static_cast<unsigned long long>(st.f_blocks) * st.f_frsize;
    Expect(asked && size > 0 && size <= strtoull(argv[i], nullptr, 10), "%s has %llu bytes",
           kDirs[i], size);
  }
}

}  // namespace

const ProbeCase kCovertProbes[] = {{"C01", Ipc},      {"C03", Keys},        {"C04", Locks},
                                   {"C05", Families}, {"C06", ReadData},    {"C08", Identity},
                                   {"sizes", Sizes},  {"C09", FileSystems}, {"C10", Inodes},
                                   {nullptr, nullptr}};

}  // namespace podium::probe
