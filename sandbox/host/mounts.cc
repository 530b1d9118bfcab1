#include "sandbox/host/mounts.h"

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

#include <algorithm>
#include <cerrno>
#include <cmath>

#include "base/files.h"
#include "sandbox/host/device_nodes.h"
#include "sandbox/host/disk.h"
#include "sandbox/host/rootless.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

// Above every range that adduser gives out (/etc/subuid starts at 100,000), below 2^31.
constexpr std::uint32_t kFirstRange = 0x20000000;
constexpr std::uint32_t kRanges = 8192;

// Of the 65,536 ids that are mapped to a user's own; the first range is left out, as 0 is the user.
constexpr std::uint32_t kRootlessCount = 1024, kRootlessRanges = 63;

// "inside outside count" as /proc/PID/uid_map reads it.
std::string MapLine(std::uint32_t inside, std::uint32_t outside, std::uint32_t count) {
  return std::to_string(inside) + " " + std::to_string(outside) + " " + std::to_string(count) +
         "\n";
}

// The ids of an image in a sandbox that builds upon it: root and the agent change places.
std::string BuildersMap(IdShift ids) {
  return MapLine(0, ids.Host(kAgentId), 1) + MapLine(1, ids.Host(1), kAgentId - 1) +
         MapLine(kAgentId, ids.Host(0), 1) +
         MapLine(kAgentId + 1, ids.Host(kAgentId + 1), IdRange::Count() - kAgentId - 1);
}

// Descriptor of a user namespace with that map: made by a child that exists only to hold it open
// meanwhile.
Result<UniqueFd> MakeUserNamespace(const std::string& map) {
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

// Shows `from` read-only at `to`, its ids by the map; by none, as they are.
Status BindMapped(const fs::path& from, const fs::path& to, const std::string& map) {
  UniqueFd tree(static_cast<int>(
      ::syscall(SYS_open_tree, AT_FDCWD, from.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!tree) return FailErrno(ErrorCode::kSandbox, "open_tree " + from.string(), errno);
  mount_attr attr{};
  attr.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  // Of a mount of the host's, a user namespace may not change how access times are kept.
  if (!IsRootless() || !map.empty()) {
    attr.attr_set |= MOUNT_ATTR_NOATIME;
    attr.attr_clr = MOUNT_ATTR__ATIME;
  }
  UniqueFd user_ns;
  if (!map.empty()) {
    PODIUM_ASSIGN(user_ns, MakeUserNamespace(map));
    attr.attr_set |= MOUNT_ATTR_IDMAP;
    attr.userns_fd = static_cast<std::uint64_t>(user_ns.get());
  }
  if (::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &attr, sizeof attr) != 0) {
    return FailErrno(
        ErrorCode::kUnavailable,
        "the file system of " + from.string() + " cannot be idmapped (" +
            (IsRootless() ? "rootless: a tmpfs can, since Linux 6.3"
                          : "ext4, xfs and btrfs can; set PODIUM_CACHE to a folder on one") +
            ")",
        errno);
  }
  if (::syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, to.c_str(), MOVE_MOUNT_F_EMPTY_PATH) !=
      0) {
    return FailErrno(ErrorCode::kSandbox, "move_mount to " + to.string(), errno);
  }
  return {};
}

// The image's layers, each through a view of its own below paths.base.
Result<std::vector<fs::path>> BindLayers(const HostPaths& paths, const SandboxSpec& spec,
                                         IdShift ids) {
  std::vector<fs::path> out;
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    fs::path at = paths.base / ("image" + std::to_string(i));
    PODIUM_TRY(MakeDir(at, ids.Host(0), 0755));
    if (spec.own_root)
      PODIUM_TRY(BindMapped(spec.layers[i], at, BuildersMap(ids)));
    else
      PODIUM_TRY(ShowFolder(spec.layers[i], at, ids));
    out.push_back(at);
  }
  return out;
}

// What os.cpu_count() and its like read: as many processors as the limit allows, rounded up. There
// is no sysfs in a sandbox, and without these files the kernel's list of all of them is taken.
Status WriteProcessors(const fs::path& upper, double cpus, IdShift ids) {
  fs::path at = upper;
  for (const char* part : {"sys", "devices", "system", "cpu"}) {
    at /= part;
    PODIUM_TRY(MakeDir(at, ids.Host(0), 0755));
  }
  long all = std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN));
  long count = std::clamp(static_cast<long>(std::ceil(cpus)), 1L, all);
  std::string range = count == 1 ? "0\n" : "0-" + std::to_string(count - 1) + "\n";
  for (const char* name : {"online", "possible", "present"}) {
    PODIUM_TRY(WriteOwnFile(at / name, range));
    if (::chmod((at / name).c_str(), 0444) != 0 ||
        ::lchown((at / name).c_str(), ids.Host(0), ids.Host(0)) != 0)
      return FailErrno(ErrorCode::kSandbox, "cannot own " + (at / name).string(), errno);
  }
  return {};
}

Status MakeRoot(const HostPaths& paths, const SandboxSpec& spec, IdShift ids) {
  fs::path disk = paths.base / "disk";
  PODIUM_ASSIGN(auto layers, BindLayers(paths, spec, ids));
  PODIUM_TRY(MakeDir(disk / "upper", ids.Host(spec.own_root ? kAgentId : 0), 0755));
  PODIUM_TRY(MakeDir(disk / "work", ids.Host(0), 0755));
  PODIUM_TRY(MakeDir(disk / "upper" / "home", ids.Host(0), 0755));
  PODIUM_TRY(WriteProcessors(disk / "upper", spec.limits.cpus, ids));
  unsigned long nosuid = spec.without.contains(Mitigation::kNosuid) ? 0 : MS_NOSUID;
  return MountOverlay(paths.base / "root", layers, disk / "upper", disk / "work",
                      nosuid | MS_NODEV | MS_NOATIME);
}

Status MakeData(const HostPaths& paths, const SandboxSpec& spec, IdShift ids) {
  bool shared = spec.without.contains(Mitigation::kDataOverlay);
  for (std::size_t i = 0; i < spec.data.size(); ++i) {
    std::string name = "data" + std::to_string(i);
    fs::path disk = paths.base / "disk", empty = disk / (name + ".empty");
    for (const char* part : {"", ".lower"})
      PODIUM_TRY(MakeDir(paths.base / (name + part), ids.Host(0), 0755));
    PODIUM_TRY(MakeDir(empty, ids.Host(0), 0755));
    if (shared) {
      PODIUM_TRY(ShowFolder(spec.data[i].host, paths.base / name, ids));
      continue;
    }
    PODIUM_TRY(ShowFolder(spec.data[i].host, paths.base / (name + ".lower"), ids));
    bool writable = spec.without.contains(Mitigation::kDataReadOnly);
    if (writable) {
      PODIUM_TRY(MakeDir(disk / (name + ".upper"), ids.Host(kAgentId), 0777));
      PODIUM_TRY(MakeDir(disk / (name + ".work"), ids.Host(0), 0755));
      PODIUM_TRY(MountOverlay(paths.base / name, {paths.base / (name + ".lower")},
                              disk / (name + ".upper"), disk / (name + ".work"),
                              MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME));
      continue;
    }
    // An overlay's free space is that of its topmost layer: the sandbox's own disk, not the host's,
    // which moves when another sandbox writes.
    PODIUM_TRY(MountOverlay(paths.base / name, {empty, paths.base / (name + ".lower")}, "", "",
                            MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME));
  }
  return {};
}

Status MakeRootFiles(const HostPaths& paths, const SandboxSpec& spec, IdShift ids) {
  if (spec.root_files.empty()) return {};
  PODIUM_TRY(MakeDir(paths.root_file(0).parent_path(), ids.Host(0), 0755));
  for (std::size_t i = 0; i < spec.root_files.size(); ++i) {
    fs::path at = paths.root_file(i);
    PODIUM_TRY(WriteOwnFile(at, spec.root_files[i].content));
    // Whatever the umask: the agent is another user.
    if (::chmod(at.c_str(), 0444) != 0 || ::lchown(at.c_str(), ids.Host(0), ids.Host(0)) != 0)
      return FailErrno(ErrorCode::kSandbox, "cannot give away " + at.string(), errno);
  }
  return {};
}

}  // namespace

Status BindIdmapped(const fs::path& from, const fs::path& to, std::uint32_t from_first,
                    std::uint32_t to_first) {
  bool same = from_first == to_first;
  return BindMapped(from, to, same ? "" : MapLine(from_first, to_first, IdRange::Count()));
}

Status ShowFolder(const fs::path& from, const fs::path& to, IdShift ids) {
  if (!IsRootless()) return BindIdmapped(from, to, 0, ids.first);
  struct stat st {};
  if (::stat(from.c_str(), &st) != 0)
    return FailErrno(ErrorCode::kSandbox, "cannot show " + from.string(), errno);
  if ((st.st_mode & 05) != 05)
    return Fail(ErrorCode::kUnavailable,
                from.string() +
                    " is not readable by everybody, and rootless its owner is nobody to the "
                    "agent: `chmod -R o+rX` it");
  return BindIdmapped(from, to, 0, 0);
}

Status MountOverlay(const fs::path& at, const std::vector<fs::path>& layers, const fs::path& upper,
                    const fs::path& work, unsigned long flags) {
  // Options are one page at most: folders are named by descriptors, which keeps them short.
  std::vector<UniqueFd> held;
  auto name = [&held](const fs::path& dir) {
    held.emplace_back(::open(dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    return "/proc/self/fd/" + std::to_string(held.back().get());
  };
  std::string options = "lowerdir=";
  for (const auto& layer : layers) options += (&layer == layers.data() ? "" : ":") + name(layer);
  if (!upper.empty())
    options += ",upperdir=" + name(upper) + ",workdir=" + name(work) + ",index=off,metacopy=off";
  options += ",xino=off";
  if (IsRootless()) options += ",userxattr";  // others are the host's root's
  if (::mount("podium", at.c_str(), "overlay", flags, options.c_str()) == 0) return {};
  return FailErrno(
      ErrorCode::kSandbox,
      "cannot mount an overlay of " + std::to_string(layers.size()) + " layers at " + at.string(),
      errno);
}

Status WriteOwnFile(const fs::path& path, std::string_view bytes, unsigned mode) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd) return FailErrno(ErrorCode::kSandbox, "cannot make " + path.string(), errno);
  return WriteAll(fd.get(), bytes);
}

Status MakeDir(const fs::path& dir, std::uint32_t owner, unsigned mode) {
  if (::mkdir(dir.c_str(), mode) != 0 && errno != EEXIST)
    return FailErrno(ErrorCode::kSandbox, "cannot make " + dir.string(), errno);
  if (::chmod(dir.c_str(), mode) != 0 || ::chown(dir.c_str(), owner, owner) != 0)
    return FailErrno(ErrorCode::kSandbox, "cannot own " + dir.string(), errno);
  return {};
}

std::uint32_t IdRange::Count() { return IsRootless() ? kRootlessCount : 65'536; }

Result<IdRange> IdRange::Take() {
  fs::path dir = HostDir() / "ids";
  PODIUM_TRY(MakeDirs(dir));
  std::uint32_t ranges = IsRootless() ? kRootlessRanges : kRanges;
  std::uint32_t first = IsRootless() ? kRootlessCount : kFirstRange;
  for (std::uint32_t i = 0; i < ranges; ++i) {
    UniqueFd fd(::open((dir / std::to_string(i)).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) return FailErrno(ErrorCode::kSandbox, "cannot open a lock in " + dir.string(), errno);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
      return IdRange(std::move(fd), first + i * Count());
  }
  return Fail(ErrorCode::kUnavailable,
              "all " + std::to_string(ranges) + " id ranges are in use on this machine");
}

Result<std::string> MakeFileSystems(const HostPaths& paths, const SandboxSpec& spec, IdShift ids,
                                    Deadline deadline) {
  PODIUM_TRY(MakeDirs(paths.base.parent_path()));
  for (const fs::path& open_dir : {MountsDir(), paths.base.parent_path()})
    ::chmod(open_dir.c_str(), 0711);
  PODIUM_TRY(MakeDir(paths.base, ids.Host(0), 0711));
  for (const char* part : {"disk", "root", "home"})
    PODIUM_TRY(MakeDir(paths.base / part, ids.Host(0), 0755));
  PODIUM_ASSIGN(auto disk, MountDisk(paths, spec, deadline));
  PODIUM_TRY(MakeRoot(paths, spec, ids));
  PODIUM_TRY(MakeData(paths, spec, ids));
  PODIUM_TRY(MakeRootFiles(paths, spec, ids));
  if (OwnDeviceNodes(paths, spec)) PODIUM_TRY(MakeDeviceNodes(paths, spec, ids));
  return disk;
}

}  // namespace podium::sandbox
