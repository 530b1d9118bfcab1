// Group F: files and answers.

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/xattr.h>

#include "sandbox/escape/probe.h"

extern char** environ;

namespace podium::probe {
namespace {

// Each argument is a path of the host.
void HostPaths(int argc, char** argv) {
  constexpr const char* kWays[] = {
      "",         "/proc/self/root", "/proc/1/root", "/proc/1/cwd", "/proc/self/cwd/../../../..",
      "/../../.."};
  Expect(Opens("/proc/self/root/proc/self/exe", O_RDONLY),
         "control: /proc/self/root does not lead to our own files");
  for (int i = 0; i < argc; ++i) {
    for (const char* way : kWays) {
      char path[4096];
      snprintf(path, sizeof path, "%s%s", way, argv[i]);
      Expect(!Opens(path, O_RDONLY), "%s can be opened", path);
    }
  }
}

constexpr char kMark[] = "CANARY-";
constexpr size_t kMarkHex = 32;
constexpr const char* kControl = "/tmp/.podium-probe-control";
long long g_scan_until = 0;
bool g_control_found = false, g_scan_cut = false;
long g_scanned = 0;

bool HasCanary(const char* text, size_t size) {
  const char* at = text;
  const char* end = text + size;
  while ((at = static_cast<const char*>(
              memmem(at, static_cast<size_t>(end - at), kMark, sizeof kMark - 1)))) {
    at += sizeof kMark - 1;
    if (strspn(at, "0123456789abcdef") >= kMarkHex) return true;
  }
  return false;
}

void ScanFile(const char* path) {
  static char chunk[(1 << 20) + 1];
  if (HasCanary(path, strlen(path))) Expect(false, "%s", path);
  ssize_t size = ReadText(path, chunk, sizeof chunk);
  ++g_scanned;
  if (size <= 0 || !HasCanary(chunk, static_cast<size_t>(size))) return;
  if (strcmp(path, kControl) == 0) {
    g_control_found = true;
  } else {
    Expect(false, "the canary is in %s", path);
  }
}

int ScanEntry(const char* path, const struct stat*, int type, FTW*) {
  if (type == FTW_F) ScanFile(path);
  g_scan_cut = NowMs() > g_scan_until;
  return g_scan_cut ? 1 : 0;
}

void ScanProcess(const char* pid) {
  char path[300];
  for (const char* part : {"environ", "cmdline", "maps", "mountinfo", "auxv", "stack", "comm"}) {
    snprintf(path, sizeof path, "/proc/%s/%s", pid, part);
    ScanFile(path);
  }
  struct stat own {
  }, other{};
  for (const char* link : {"root", "cwd"}) {
    snprintf(path, sizeof path, "/proc/%s/%s", pid, link);
    if (stat("/", &own) == 0 && stat(path, &other) == 0 && strcmp(link, "root") == 0)
      Expect(own.st_ino == other.st_ino && own.st_dev == other.st_dev, "%s is another root", path);
  }
}

// Everything readable outside the image's programs, for a text of the canary's form. A canary of
// its own, which it must find, shows that the search works.
void Scan(int, char**) {
  g_scan_until = NowMs() + 4000;
  char control[64] = "CANARY-";
  memset(control + 7, '0', kMarkHex);
  if (!WriteText(kControl, control)) CannotTry("/tmp cannot be written");
  EachProcess(ScanProcess);
  for (const char* dir : {"/tmp", "/home", "/dev", "/etc", "/run", "/var", "/root", "/opt", "/srv",
                          "/mnt", "/media", "/sys/fs", "/usr/local", "/proc/self"})
    nftw(dir, ScanEntry, 32, FTW_PHYS);
  unlink(kControl);
  Expect(g_control_found, "control: the search does not find the probe's own canary");
  Say("%ld files searched%s", g_scanned, g_scan_cut ? ", time was up" : "");
}

void MagicLinks(int, char**) {
  struct stat root {
  }, other{};
  stat("/", &root);
  Expect(stat("/proc/self/root", &other) == 0 && other.st_ino == root.st_ino,
         "/proc/self/root is not /");
  Expect(stat("/proc/self/cwd/../../../../..", &other) == 0 && other.st_ino == root.st_ino,
         "above /proc/self/cwd lies another root");
  char target[4096];
  if (!g_user_space_kernel) {
    for (const char* link : {"/proc/1/root", "/proc/1/cwd", "/proc/1/exe", "/proc/1/fd/3"})
      Failed(readlink(link, target, sizeof target), link);
    Failed(open("/proc/1/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "/proc/1/fd can be listed");
  } else if (stat("/proc/1/root", &other) == 0) {
    Expect(other.st_ino == root.st_ino, "/proc/1/root is another root");
  }
  for (int fd = 0; fd < 3; ++fd) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d/..", fd);
    Failed(open(link, O_RDONLY | O_CLOEXEC), link);
  }
}

void Descriptors(int, char**) {
  constexpr int kMost = 8192;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  Expect(limit.rlim_max <= kMost, "%llu descriptors are allowed",
         static_cast<unsigned long long>(limit.rlim_max));
  for (int fd = 0; fd < 3; ++fd) {
    struct stat st {};
    bool plain = fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode));
    Expect(plain, "descriptor %d is no pipe", fd);
    Failed(fchdir(fd), "fchdir");
  }
  for (int fd = 3; fd < kMost; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) continue;
    char link[64], target[256] = "?";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, target, sizeof target - 1);
    if (size > 0) target[size] = 0;
    Expect(false, "descriptor %d is open: %s", fd, target);
  }
}

void Chroot(int, char**) {
  struct stat root {
  }, other{};
  stat("/", &root);
  mkdir("/tmp/probe-root", 0755);
  int status = InChild([] {
    if (chroot("/tmp/probe-root") != 0) return 0;
    for (int i = 0; i < 64; ++i) {
      if (chdir("..") != 0) return 1;
    }
    return chroot(".") == 0 ? 2 : 1;
  });
  Expect(ExitedWith(status, 0) || g_user_space_kernel, "chroot is allowed");
  Expect(!ExitedWith(status, 2), "a second chroot is allowed");
  rmdir("/tmp/probe-root");
  Blocked(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  Expect(stat("/../../../../..", &other) == 0 && other.st_ino == root.st_ino &&
             other.st_dev == root.st_dev,
         "something lies above /");
}

// The shape of the Shocker attack: a handle of inode 2, the top of most file systems.
void FileHandles(int, char**) {
  struct {
    unsigned bytes = 8;
    int type = 1;
    unsigned char handle[8] = {2, 0, 0, 0, 0, 0, 0, 0};
  } guess;
  int top = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  Blocked(syscall(SYS_open_by_handle_at, top, &guess, O_RDONLY), "open_by_handle_at");
  int mount_id = 0;
  Blocked(syscall(SYS_name_to_handle_at, AT_FDCWD, "", &guess, &mount_id, AT_EMPTY_PATH),
          "name_to_handle_at");
}

// Argument: a data folder.
void Remount(int argc, char** argv) {
  if (argc < 1) CannotTry("no data folder");
  const char* data = argv[0];
  Blocked(mount(nullptr, data, nullptr, MS_REMOUNT | MS_BIND, nullptr), "remount the data");
  Blocked(mount("/tmp", data, nullptr, MS_BIND, nullptr), "bind /tmp over the data");
  Blocked(umount2(data, MNT_DETACH), "unmount the data");
  for (const char* mask : {"/proc/kcore", "/proc/keys", "/proc/sys", "/tmp"})
    Blocked(umount2(mask, MNT_DETACH), mask);
  int status = InChild([data] {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 0;
    if (mount(nullptr, data, nullptr, MS_REMOUNT | MS_BIND, nullptr) != 0) return 1;
    char made[4096];
    snprintf(made, sizeof made, "%s/podium-probe", data);
    return WriteText(made, "x") ? 2 : 1;
  });
  Expect(ExitedWith(status, 0) || g_user_space_kernel, "namespaces of its own are allowed");
  Expect(!ExitedWith(status, 2), "data can be written in a namespace of its own");
}

void WriteData(int argc, char** argv) {
  char file[4096], other[4096];
  if (argc < 1 || !FirstFile(argv[0], file, sizeof file)) CannotTry("there is no data file");
  struct stat st {};
  if (stat(file, &st) != 0) CannotTry("%s is gone", file);
  Expect(Opens(file, O_RDONLY), "control: %s cannot be read", file);
  snprintf(other, sizeof other, "%s/podium-probe", argv[0]);
  Failed(open(file, O_WRONLY | O_CLOEXEC), "open for writing");
  Failed(open(file, O_RDWR | O_APPEND | O_CLOEXEC), "open for appending");
  Failed(truncate(file, st.st_size / 2), "truncate");
  Failed(chmod(file, 0666), "chmod");
  Failed(chown(file, getuid(), getgid()), "chown");
  Failed(utimes(file, nullptr), "utimes");
  Failed(setxattr(file, "user.podium", "x", 1, 0), "setxattr");
  Failed(open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0644), "create");
  Failed(mkdir(other, 0755), "mkdir");
  Failed(symlink("/tmp", other), "symlink");
  Failed(link(file, other), "link");
  int unnamed = open(argv[0], O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
  if (!Failed(unnamed, "O_TMPFILE")) {
    char by_fd[64];
    snprintf(by_fd, sizeof by_fd, "/proc/self/fd/%d", unnamed);
    Failed(linkat(AT_FDCWD, by_fd, AT_FDCWD, other, AT_SYMLINK_FOLLOW), "linkat of O_TMPFILE");
  }
  Failed(rename(file, other), "rename");
  Failed(unlink(file), "unlink");
}

void HardLink(int argc, char** argv) {
  char file[4096];
  if (argc < 1 || !FirstFile(argv[0], file, sizeof file)) CannotTry("there is no data file");
  constexpr const char* kTo = "/home/agent/probe-link";
  for (const char* from : {static_cast<const char*>(file), "/etc/passwd", "/proc/self/exe"}) {
    if (strcmp(from, "/proc/self/exe") != 0) Failed(link(from, kTo), from);
    unlink(kTo);
  }
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  char by_fd[64];
  snprintf(by_fd, sizeof by_fd, "/proc/self/fd/%d", fd);
  Failed(linkat(AT_FDCWD, by_fd, AT_FDCWD, kTo, AT_SYMLINK_FOLLOW), "linkat of an open file");
  unlink(kTo);
}

// Ways that once wrote to read-only pages. The case's other half compares the files' digests.
void PageCache(int argc, char** argv) {
  char file[4096];
  if (argc < 1 || !FirstFile(argv[0], file, sizeof file)) CannotTry("there is no data file");
  Expect(socket(38, SOCK_SEQPACKET, 0) < 0, "an AF_ALG socket");
  int fd = open(file, O_RDONLY | O_CLOEXEC), ends[2];
  char before = 0, after = 0, mark = 'X';
  if (fd < 0 || pread(fd, &before, 1, 0) != 1 || pipe(ends) != 0)
    CannotTry("%s cannot be read", file);
  loff_t at = 0;
  // Splicing out is allowed; what is then written to the pipe must not reach the file.
  if (syscall(SYS_splice, fd, &at, ends[1], nullptr, 1, 0) == 1) {
    if (write(ends[1], &mark, 1) != 1) Say("the pipe is full");
  }
  iovec part{&mark, 1};
  Blocked(syscall(SYS_vmsplice, ends[1], &part, 1, 0), "vmsplice");
  at = 0;
  Failed(syscall(SYS_splice, ends[0], nullptr, fd, &at, 1, 0), "splice into a read-only file");
  Expect(pread(fd, &after, 1, 0) == 1 && after == before, "the file's first byte has changed");
}

void CoreDump(int, char**) {
  rlimit limit{};
  getrlimit(RLIMIT_CORE, &limit);
  Expect(limit.rlim_max == 0, "cores are allowed");
  char limits[4096];
  if (ReadText("/proc/1/limits", limits, sizeof limits) > 0) {
    const char* line = strstr(limits, "Max core file size");
    unsigned long long soft = 1, hard = 1;
    bool zero = line && sscanf(line + 18, "%llu %llu", &soft, &hard) == 2 && soft + hard == 0;
    Expect(zero, "init may write a core");
  }
  int status = InChild([] {
    rlimit more{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_CORE, &more);
    abort();
    return 0;
  });
  Expect(WIFSIGNALED(status), "control: the crash did not happen");
  Expect(!WCOREDUMP(status), "a core was written");
  Expect(!Opens("/proc/sys/kernel/core_pattern", O_WRONLY), "core_pattern can be written");
}

int NotWritable(const char* path, const struct stat*, int type, FTW*) {
  if (type == FTW_F && Opens(path, O_WRONLY)) Expect(false, "%s can be written", path);
  return NowMs() > g_scan_until ? 1 : 0;
}

void KernelFiles(int, char**) {
  g_scan_until = NowMs() + 4000;
  for (const char* path :
       {"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hostname",
        "/proc/sys/vm/drop_caches", "/proc/sys/net/ipv4/ip_forward",
        "/proc/sys/user/max_user_namespaces", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper",
        "/sys/power/state", "/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/cgroup.procs",
        "/proc/1/oom_score_adj", "/sys/fs/cgroup/devices/release_agent", "/proc/fs/nfsd/threads",
        "/proc/acpi/wakeup"})
    Expect(!Opens(path, O_WRONLY), "%s can be written", path);
  nftw("/proc/sys", NotWritable, 32, FTW_PHYS);
  nftw("/sys", NotWritable, 32, FTW_PHYS);
  if (g_user_space_kernel) return;
  for (const char* path :
       {"/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/sysrq-trigger"}) {
    struct statvfs st {};
    if (statvfs(path, &st) == 0) Expect(st.f_flag & ST_RDONLY, "%s is not read-only", path);
  }
}

// Arguments: device nodes that the sandbox was given.
void Devices(int argc, char** argv) {
  constexpr struct {
    mode_t type;
    unsigned major, minor;
    const char* what;
  } kNodes[] = {{S_IFCHR, 1, 1, "mem"},    {S_IFCHR, 1, 11, "kmsg"}, {S_IFCHR, 10, 229, "fuse"},
                {S_IFCHR, 10, 232, "kvm"}, {S_IFBLK, 7, 0, "loop0"}, {S_IFBLK, 254, 0, "vda"}};
  constexpr const char* kMade = "/home/agent/probe-node";
  for (const auto& node : kNodes) {
    if (Failed(mknod(kMade, node.type | 0666, makedev(node.major, node.minor)), node.what))
      continue;
    Expect(!Opens(kMade, O_RDONLY), "the node made for %s opens", node.what);
    unlink(kMade);
  }
  constexpr const char* kNames[] = {"null", "zero",   "full",   "random", "urandom", "tty",
                                    "ptmx", "pts",    "shm",    "fd",     "stdin",   "stdout",
                                    "core", "stderr", "mqueue", "console"};
  DIR* dev = opendir("/dev");
  while (dirent* entry = dev ? readdir(dev) : nullptr) {
    bool known = entry->d_name[0] == '.';
    for (const char* name : kNames) known = known || strcmp(name, entry->d_name) == 0;
    for (const char* name : {"net", "fuse"})
      known = known || (g_user_space_kernel && strcmp(name, entry->d_name) == 0);
    for (int i = 0; i < argc; ++i) known = known || strcmp(argv[i] + 5, entry->d_name) == 0;
    Expect(known, "/dev/%s is there", entry->d_name);
  }
  if (dev) closedir(dev);
  for (const char* name :
       {"mem", "port", "kmsg", "kvm", "fuse", "loop0", "loop-control", "vda", "sda", "nvme0n1",
        "dm-0", "vsock", "vhost-net", "net/tun", "userfaultfd"}) {
    char path[64];
    // gVisor's own, without the host's behind them; N08 tries the tunnel.
    bool own = strcmp(name, "fuse") == 0 || strcmp(name, "net/tun") == 0;
    if (g_user_space_kernel && own) continue;
    snprintf(path, sizeof path, "/dev/%s", name);
    Expect(!Opens(path, O_RDONLY), "%s opens", path);
  }
}

// Arguments: a device that the sandbox was given, and one that it was not.
void GivenDevices(int argc, char** argv) {
  if (argc < 2) CannotTry("two devices are needed");
  Expect(Opens(argv[0], O_RDONLY), "control: %s does not open", argv[0]);
  Expect(!Opens(argv[1], O_RDONLY), "%s opens", argv[1]);
  for (const char* name :
       {"nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset",
        "nvidia-caps/nvidia-cap1", "dri/card0", "dri/renderD128", "kfd", "accel/accel0"}) {
    char path[64];
    snprintf(path, sizeof path, "/dev/%s", name);
    Expect(!Opens(path, O_RDONLY), "%s opens", path);
  }
}

void KernelMemory(int, char**) {
  // 10: the size of the buffer, which says nothing; gVisor has a log of its own.
  if (!g_user_space_kernel) Blocked(syscall(SYS_syslog, 10, nullptr, 0), "syslog");
  for (const char* path : {"/dev/kmsg", "/dev/mem"})
    Expect(!Opens(path, O_RDONLY), "%s opens", path);
  char text[65536];
  for (const char* path : {"/proc/kcore", "/proc/kmsg", "/proc/keys", "/proc/timer_list",
                           "/proc/sched_debug", "/proc/kpagecount", "/proc/kpageflags"})
    Expect(ReadText(path, text, 64) <= 0, "%s can be read", path);
  if (!g_engine_root)
    Expect(ReadText("/proc/interrupts", text, 64) <= 0, "/proc/interrupts can be read");
  if (ReadText("/proc/kallsyms", text, sizeof text) <= 0) return;
  bool zeros = true;
  for (char* line = strtok(text, "\n"); line; line = strtok(nullptr, "\n"))
    zeros = zeros && strtoull(line, nullptr, 16) == 0;
  Expect(zeros, "/proc/kallsyms shows addresses");
}

const char* g_token = nullptr;

int NoToken(const char* path, const struct stat*, int, FTW*) {
  if (strstr(path, g_token)) Expect(false, "%s", path);
  return NowMs() > g_scan_until ? 1 : 0;
}

constexpr const char* kLeavable[] = {"/tmp",     "/dev/shm",    "/home/agent", "/home/submission",
                                     "/var/tmp", "/dev/mqueue", "/run",        "/var/cache"};

// Arguments: "leave" or "look", and a name that no other run uses.
void Leftovers(int argc, char** argv) {
  if (argc < 2) CannotTry("a verb and a name are needed");
  g_token = argv[1];
  g_scan_until = NowMs() + 4000;
  if (strcmp(argv[0], "look") == 0) {
    for (const char* dir : {"/tmp", "/dev", "/home", "/var", "/run", "/root", "/etc"})
      nftw(dir, NoToken, 32, FTW_PHYS);
    Expect(!Opens(g_token, O_RDONLY), "%s is here", g_token);
    Say("%s is nowhere", g_token);
    return;
  }
  int left = 0;
  for (const char* dir : kLeavable) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, g_token);
    if (WriteText(path, "left behind")) ++left;
  }
  Expect(left >= 4, "control: only %d files could be left behind", left);
}

bool LooksLikeKey(const char* entry) {
  for (const char* part : {"API_KEY", "OPENAI", "ANTHROPIC", "GEMINI", "AWS_", "AZURE", "HF_TOKEN",
                           "SECRET", "CANARY-"}) {
    if (strstr(entry, part)) return true;
  }
  return false;
}

void NoKeysOf(const char* pid) {
  static char text[1 << 16];
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/environ", pid);
  ssize_t size = ReadText(path, text, sizeof text);
  for (ssize_t at = 0; at < size; at += static_cast<ssize_t>(strlen(text + at)) + 1)
    Expect(!LooksLikeKey(text + at), "%s holds a key", path);
}

// Arguments: the declared variables, "K=V".
void Environment(int argc, char** argv) {
  int count = 0;
  for (char** e = environ; *e; ++e, ++count) {
    bool declared = false;
    for (int i = 0; i < argc; ++i) declared = declared || strcmp(*e, argv[i]) == 0;
    // The name alone: the value may be a secret.
    Expect(declared, "%.*s is not declared", static_cast<int>(strcspn(*e, "=")), *e);
  }
  Expect(count == argc, "%d variables instead of %d", count, argc);
  EachProcess(NoKeysOf);
  if (!g_user_space_kernel)
    Expect(!Opens("/proc/1/environ", O_RDONLY), "/proc/1/environ can be read");
}

void Where(int, char**) {
  char target[64] = {};
  if (readlink("/proc/self/ns/mnt", target, sizeof target - 1) < 0) CannotTry("no /proc/self/ns");
  Say("%s", target);
}

}  // namespace

const ProbeCase kFileProbes[] = {
    {"F01", HostPaths},    {"F02", Scan},         {"F03", MagicLinks}, {"F04", Descriptors},
    {"F05", Chroot},       {"F06", FileHandles},  {"F07", Remount},    {"F08", WriteData},
    {"F09", HardLink},     {"F10", PageCache},    {"F14", CoreDump},   {"F15", KernelFiles},
    {"F16", Devices},      {"F17", KernelMemory}, {"F18", Leftovers},  {"F19", Environment},
    {"U01", GivenDevices}, {"where", Where},      {nullptr, nullptr}};

}  // namespace podium::probe
