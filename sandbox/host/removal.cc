#include "sandbox/host/removal.h"

#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/process_owner.h"
#include "sandbox/host/cgroup.h"
#include "sandbox/host/rootless.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

// The sandbox's groups, where it has any.
std::vector<CgroupDir> GroupsOf(const HostPaths& paths) {
  std::vector<CgroupDir> out;
  if (IsRootless()) {
    for (const auto& parent : paths.groups)
      out.push_back({parent.controller, parent.dir / paths.cgroup()});
    return out;
  }
  for (const auto& [options, mount] : CgroupMounts())
    out.push_back({options.empty() ? "" : "freezer", fs::path(mount) / paths.cgroup()});
  return out;
}

Status Unmount(const fs::path& base) {
  for (const auto& point : MountsUnder(base)) {
    if (::umount2(point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno != EINVAL &&
        errno != ENOENT) {
      return FailErrno(ErrorCode::kSandbox, "cannot unmount " + point, errno);
    }
  }
  return {};
}

}  // namespace

// The runtime has done so in the ordinary case.
Status RemoveCgroups(const HostPaths& paths, Deadline deadline) {
  auto groups = GroupsOf(paths);
  // An owner that died between freezing and thawing left processes that no signal reaches.
  ThawGroups(groups);
  for (const auto& [controller, dir] : groups) {
    std::error_code ec;
    while (fs::exists(dir, ec) && ::rmdir(dir.c_str()) != 0 && errno != ENOENT) {
      if (deadline.expired())
        return Fail(ErrorCode::kTimeout, "cgroup " + dir.string() + " does not empty");
      KillGroups({{"procs", dir}});
      std::this_thread::sleep_for(kEmptyPoll);
    }
  }
  return {};
}

Status RemoveFiles(const HostPaths& paths) {
  PODIUM_TRY(Unmount(paths.base));
  PODIUM_TRY(RemoveTree(paths.base));
  ::unlink(paths.disk.c_str());
  ::unlink(paths.record.c_str());
  return {};
}

bool OwnerLives(const std::string& record) {
  auto owner = ProcessOwner::FromJson(record);
  if (!owner) return false;
  OwnerState state = StateOf(*owner);
  return state == OwnerState::kAlive || state == OwnerState::kOtherNamespace;
}

bool AnySandboxLives() {
  std::error_code ec;
  for (fs::directory_iterator it(RecordsDir(), ec), end; !ec && it != end; it.increment(ec)) {
    auto text = ReadFile(it->path(), 1 << 16);
    if (text && it->path().extension() == ".json" && OwnerLives(*text)) return true;
  }
  return false;
}

}  // namespace podium::sandbox
