#include "sandbox/oci/mounts.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "base/process.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

// Above every range that adduser gives out (/etc/subuid starts at 100,000), below 2^31.
constexpr std::uint32_t kFirstRange = 0x20000000;
constexpr std::uint32_t kRanges = 8192;

// Descriptor of a user namespace that maps [0, 65536) to `first`...: made by a child that exists
// only to hold it open meanwhile.
Result<UniqueFd> MakeUserNamespace(std::uint32_t first) {
  long pid = ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (pid == 0) {
    for (;;) ::syscall(SYS_pause);
  }
  if (pid < 0)
    return FailErrno(ErrorCode::kUnavailable,
                     "cannot make a user namespace (is kernel.unprivileged_userns_clone or "
                     "user.max_user_namespaces 0?)",
                     errno);
  std::string proc = "/proc/" + std::to_string(pid);
  std::string map = "0 " + std::to_string(first) + " " + std::to_string(IdRange::kCount) + "\n";
  Status written;
  for (const char* file : {"/uid_map", "/gid_map"}) {
    UniqueFd fd(::open((proc + file).c_str(), O_WRONLY | O_CLOEXEC));
    if (written && (!fd || ::write(fd.get(), map.data(), map.size()) < 0))
      written = FailErrno(ErrorCode::kSandbox, "cannot write " + proc + file, errno);
  }
  UniqueFd ns(::open((proc + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  ::kill(static_cast<pid_t>(pid), SIGKILL);
  while (::waitpid(static_cast<pid_t>(pid), nullptr, 0) < 0 && errno == EINTR) {
  }
  if (!written) return tl::unexpected(written.error());
  if (!ns) return FailErrno(ErrorCode::kSandbox, "cannot open the user namespace", errno);
  return ns;
}

// Shows `from` at `to` with its owners shifted into the user namespace, read-only.
Status BindIdmapped(const fs::path& from, const fs::path& to, int user_ns) {
  UniqueFd tree(static_cast<int>(
      ::syscall(SYS_open_tree, AT_FDCWD, from.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!tree) return FailErrno(ErrorCode::kSandbox, "open_tree " + from.string(), errno);
  mount_attr attr{};
  attr.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                  MOUNT_ATTR_NOATIME;
  attr.attr_clr = MOUNT_ATTR__ATIME;
  attr.userns_fd = static_cast<std::uint64_t>(user_ns);
  if (::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &attr, sizeof attr) != 0) {
    return FailErrno(
        ErrorCode::kUnavailable,
        "the file system of " + from.string() +
            " cannot be idmapped (ext4, xfs and btrfs can; set PODIUM_CACHE to a folder on one)",
        errno);
  }
  if (::syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, to.c_str(), MOVE_MOUNT_F_EMPTY_PATH) !=
      0) {
    return FailErrno(ErrorCode::kSandbox, "move_mount to " + to.string(), errno);
  }
  return {};
}

Status MakeDir(const fs::path& dir, std::uint32_t owner, unsigned mode) {
  if (::mkdir(dir.c_str(), mode) != 0 && errno != EEXIST)
    return FailErrno(ErrorCode::kSandbox, "cannot make " + dir.string(), errno);
  if (::chmod(dir.c_str(), mode) != 0 || ::chown(dir.c_str(), owner, owner) != 0)
    return FailErrno(ErrorCode::kSandbox, "cannot own " + dir.string(), errno);
  return {};
}

// A sized ext4 file on a loop device that frees itself with its last mount; where loop devices are
// missing, a sized tmpfs.
Result<std::string> MountDisk(const HostPaths& paths, const Limits& limits, Deadline deadline) {
  fs::path at = paths.base / "disk";
  UniqueFd file(::open(paths.disk.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return FailErrno(ErrorCode::kSandbox, "cannot create " + paths.disk.string(), errno);
  if (::ftruncate(file.get(), static_cast<off_t>(limits.disk_bytes)) != 0)
    return FailErrno(ErrorCode::kSandbox, "cannot size " + paths.disk.string(), errno);
  ProcessSpec mkfs;
  mkfs.argv = {"mkfs.ext4",
               "-q",
               "-F",
               "-m",
               "0",
               "-O",
               "^has_journal,^resize_inode",
               "-E",
               "lazy_itable_init=1,nodiscard,root_owner=0:0",
               "-N",
               std::to_string(limits.inodes),
               paths.disk.string()};
  PODIUM_TRY(RunTool(mkfs, deadline));
  ProcessSpec mount;
  mount.argv = {"mount",    "-t", "ext4", "-o", "loop,nosuid,nodev,noatime", paths.disk.string(),
                at.string()};
  PODIUM_ASSIGN(auto mounted, RunProcess(mount, deadline));
  if (mounted.ok()) return "sized ext4 file on a loop device (bytes and inodes)";
  std::string options = "size=" + std::to_string(limits.disk_bytes) +
                        ",nr_inodes=" + std::to_string(limits.inodes) + ",mode=755";
  if (::mount("podium", at.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return FailErrno(ErrorCode::kUnavailable,
                     "cannot limit the disk: no loop device (" + mounted.err + ") and no tmpfs",
                     errno);
  }
  return "sized tmpfs (bytes and inodes; it counts as memory)";
}

Status MountOverlay(const fs::path& at, const std::string& options, unsigned long flags) {
  if (::mount("podium", at.c_str(), "overlay", flags, options.c_str()) == 0) return {};
  return FailErrno(ErrorCode::kSandbox,
                   "cannot mount an overlay at " + at.string() + " (" + options + ")", errno);
}

Status MakeRoot(const HostPaths& paths, const SandboxSpec& spec, const IdRange& ids, int user_ns) {
  fs::path disk = paths.base / "disk";
  std::uint32_t root = ids.first(), agent = ids.first() + kAgentId;
  PODIUM_TRY(BindIdmapped(spec.rootfs, paths.base / "image", user_ns));
  PODIUM_TRY(MakeDir(disk / "upper", root, 0755));
  PODIUM_TRY(MakeDir(disk / "work", root, 0755));
  PODIUM_TRY(MakeDir(disk / "upper" / "home", root, 0755));
  PODIUM_TRY(MakeDir(disk / "upper" / "home" / "data", root, 0755));
  for (const char* own : {"submission", "code", "logs", "agent"})
    PODIUM_TRY(MakeDir(disk / "upper" / "home" / own, agent, 0755));
  std::string options = "lowerdir=" + (paths.base / "image").string() +
                        ",upperdir=" + (disk / "upper").string() +
                        ",workdir=" + (disk / "work").string() + ",index=off,metacopy=off,xino=off";
  return MountOverlay(paths.base / "root", options, MS_NOSUID | MS_NODEV | MS_NOATIME);
}

Status MakeData(const HostPaths& paths, const SandboxSpec& spec, const IdRange& ids, int user_ns) {
  for (std::size_t i = 0; i < spec.data.size(); ++i) {
    std::string name = "data" + std::to_string(i);
    for (const char* part : {"", ".lower", ".empty"})
      PODIUM_TRY(MakeDir(paths.base / (name + part), ids.first(), 0755));
    PODIUM_TRY(BindIdmapped(spec.data[i].host, paths.base / (name + ".lower"), user_ns));
    std::string options = "lowerdir=" + (paths.base / (name + ".lower")).string() + ":" +
                          (paths.base / (name + ".empty")).string() + ",xino=off";
    PODIUM_TRY(MountOverlay(paths.base / name, options,
                            MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME));
  }
  return {};
}

}  // namespace

Result<IdRange> IdRange::Take() {
  fs::path dir = fs::path(kHostDir) / "ids";
  PODIUM_TRY(MakeDirs(dir));
  for (std::uint32_t i = 0; i < kRanges; ++i) {
    UniqueFd fd(::open((dir / std::to_string(i)).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) return FailErrno(ErrorCode::kSandbox, "cannot open a lock in " + dir.string(), errno);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
      return IdRange(std::move(fd), kFirstRange + i * kCount);
  }
  return Fail(ErrorCode::kUnavailable,
              "all " + std::to_string(kRanges) + " id ranges are in use on this machine");
}

Result<std::string> MakeFileSystems(const HostPaths& paths, const SandboxSpec& spec,
                                    const IdRange& ids, Deadline deadline) {
  PODIUM_TRY(MakeDirs(paths.base.parent_path()));
  for (const fs::path& open_dir : {fs::path(kHostDir), paths.base.parent_path()})
    ::chmod(open_dir.c_str(), 0711);
  PODIUM_TRY(MakeDir(paths.base, ids.first(), 0711));
  for (const char* part : {"image", "disk", "root"})
    PODIUM_TRY(MakeDir(paths.base / part, ids.first(), 0755));
  PODIUM_ASSIGN(auto user_ns, MakeUserNamespace(ids.first()));
  PODIUM_ASSIGN(auto disk, MountDisk(paths, spec.limits, deadline));
  PODIUM_TRY(MakeRoot(paths, spec, ids, user_ns.get()));
  PODIUM_TRY(MakeData(paths, spec, ids, user_ns.get()));
  return disk;
}

}  // namespace podium::sandbox
