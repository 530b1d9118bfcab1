#include "sandbox/host/device_nodes.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "sandbox/host/rootless.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

Status MakeNode(const fs::path& dev, const DeviceNode& node, IdShift ids) {
  fs::path at = dev / node.path.lexically_relative("/dev");
  for (fs::path dir; const auto& part : at.parent_path().lexically_relative(dev)) {
    dir /= part;
    if (part != ".") PODIUM_TRY(MakeDir(dev / dir, ids.Host(0), 0755));
  }
  mode_t type = node.type == 'b' ? S_IFBLK : S_IFCHR;
  if (::mknod(at.c_str(), type | 0666, ::makedev(node.major, node.minor)) != 0 && errno != EEXIST)
    return FailErrno(ErrorCode::kSandbox, "cannot make the device " + at.string(), errno);
  if (::chmod(at.c_str(), 0666) != 0 || ::chown(at.c_str(), ids.Host(0), ids.Host(0)) != 0)
    return FailErrno(ErrorCode::kSandbox, "cannot own " + at.string(), errno);
  return {};
}

}  // namespace

Result<std::vector<DeviceNode>> LookAtDevices(const std::vector<fs::path>& paths) {
  std::vector<DeviceNode> out;
  for (const auto& path : paths) {
    struct stat st {};
    if (::lstat(path.c_str(), &st) != 0)
      return FailErrno(ErrorCode::kConfig, "device " + path.string(), errno);
    if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
      return Fail(ErrorCode::kConfig, path.string() + " is not a device node");
    out.push_back(
        {path, S_ISCHR(st.st_mode) ? 'c' : 'b', ::major(st.st_rdev), ::minor(st.st_rdev)});
  }
  return out;
}

bool OwnDeviceNodes(const HostPaths& paths, const SandboxSpec& spec) {
  return !IsRootless() && paths.backend != "runsc" && paths.backend != "docker" &&
         paths.backend != "unsafe-local" && !spec.without.contains(Mitigation::kPrivateDev) &&
         !spec.without.contains(Mitigation::kOwnDeviceNodes);
}

Status MakeDeviceNodes(const HostPaths& paths, const SandboxSpec& spec, IdShift ids) {
  fs::path dev = paths.base / "dev";
  PODIUM_TRY(MakeDir(dev, ids.Host(0), 0755));
  if (::mount("podium", dev.c_str(), "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NOATIME,
              "size=65536,mode=755") != 0)
    return FailErrno(ErrorCode::kSandbox, "cannot mount " + dev.string(), errno);
  PODIUM_TRY(MakeDir(dev, ids.Host(0), 0755));
  // runc gives what it mounts over a folder that folder's mode.
  constexpr std::pair<const char*, unsigned> kFolders[] = {
      {"pts", 0755}, {"shm", 01777}, {"mqueue", 01777}};
  for (auto [name, mode] : kFolders) PODIUM_TRY(MakeDir(dev / name, ids.Host(0), mode));
  PODIUM_ASSIGN(auto nodes, LookAtDevices(spec.devices));
  for (const auto& gpu : spec.gpus.nodes) nodes.push_back({gpu.inside, 'c', gpu.major, gpu.minor});
  nodes.insert(nodes.end(), {{"/dev/null", 'c', 1, 3},
                             {"/dev/zero", 'c', 1, 5},
                             {"/dev/full", 'c', 1, 7},
                             {"/dev/random", 'c', 1, 8},
                             {"/dev/urandom", 'c', 1, 9},
                             {"/dev/tty", 'c', 5, 0}});
  for (const auto& node : nodes) PODIUM_TRY(MakeNode(dev, node, ids));
  constexpr std::pair<const char*, const char*> kLinks[] = {{"/proc/self/fd", "fd"},
                                                            {"/proc/self/fd/0", "stdin"},
                                                            {"/proc/self/fd/1", "stdout"},
                                                            {"/proc/self/fd/2", "stderr"},
                                                            {"pts/ptmx", "ptmx"}};
  for (auto [target, name] : kLinks) {
    if (::symlink(target, (dev / name).c_str()) != 0)
      return FailErrno(ErrorCode::kSandbox, "cannot link " + (dev / name).string(), errno);
  }
  return {};
}

}  // namespace podium::sandbox
