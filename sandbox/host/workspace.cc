#include "sandbox/host/workspace.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "base/log.h"
#include "base/process.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

// Overlays take 500 layers; far below that a stack is copied into one.
constexpr std::size_t kFlattenAt = 64;

UniqueFd CloneMount(const fs::path& at) {
  return UniqueFd(static_cast<int>(
      ::syscall(SYS_open_tree, AT_FDCWD, at.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
}

struct Placement {
  UniqueFd mount;
  std::string inside;
};

// Runs on a thread of its own, which ends in the other namespace.
Status ReplaceHome(int init_pid, const std::vector<Placement>& placements) {
  UniqueFd ns(
      ::open(("/proc/" + std::to_string(init_pid) + "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC));
  if (!ns || ::unshare(CLONE_FS) != 0 || ::setns(ns.get(), CLONE_NEWNS) != 0)
    return FailErrno(ErrorCode::kSandbox, "cannot enter the container's mounts", errno);
  if (::umount2("/home", MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
    return FailErrno(ErrorCode::kSandbox, "cannot take /home from the container", errno);
  for (const auto& p : placements) {
    if (::syscall(SYS_move_mount, p.mount.get(), "", AT_FDCWD, p.inside.c_str(),
                  MOVE_MOUNT_F_EMPTY_PATH) != 0)
      return FailErrno(ErrorCode::kSandbox, "cannot show " + p.inside + " in the container", errno);
  }
  return {};
}

Status PutHomeFile(const fs::path& base, const HomeFile& file, IdShift ids) {
  if (file.name.empty() || file.name.starts_with('.') || file.name.find('/') != std::string::npos)
    return Fail(ErrorCode::kUsage, "a file of /home is a plain name, not '" + file.name + "'");
  fs::path at = base / file.name;
  PODIUM_TRY(WriteFileAtomic(at, file.content, file.mode));
  if (::lchown(at.c_str(), ids.Host(0), ids.Host(0)) != 0)
    return FailErrno(ErrorCode::kSandbox, "cannot give away " + at.string(), errno);
  return {};
}

}  // namespace

Workspace::Workspace(const HostPaths& paths, const SandboxSpec& spec, IdShift ids)
    : paths_(paths),
      data_(spec.data),
      ids_(ids),
      nosuid_(!spec.without.contains(Mitigation::kNosuid)) {}

Workspace::~Workspace() {
  if (sweeper_.joinable()) sweeper_.join();
}

fs::path Workspace::LayerDir(int n) const {
  return paths_.base / "disk" / "home" / std::to_string(n);
}

Result<Workspace> Workspace::Make(const HostPaths& paths, const SandboxSpec& spec, IdShift ids) {
  Workspace out(paths, spec, ids);
  fs::path disk = paths.base / "disk";
  PODIUM_TRY(MakeDir(disk / "home", ids.Host(0), 0755));
  std::vector<Snapshot::Layer> layers;
  if (spec.without.contains(Mitigation::kFreshWorkspace)) {
    PODIUM_TRY(out.BindShared());
    return out;
  }
  if (spec.workspace) {
    layers = spec.workspace->layers;
  } else {
    fs::path base = disk / "home" / "base";
    PODIUM_TRY(MakeDir(base, ids.Host(0), 0755));
    PODIUM_TRY(MakeDir(base / "data", ids.Host(0), 0755));
    for (const char* own : {"submission", "code", "logs", "agent"})
      PODIUM_TRY(MakeDir(base / own, ids.Host(kAgentId), 0755));
    for (const auto& file : spec.home_files) PODIUM_TRY(PutHomeFile(base, file, ids));
    layers = {{base, ids.first}};
  }
  out.disk_ = UniqueFd(::open(disk.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  PODIUM_TRY(out.Mount(std::move(layers), 0));
  return out;
}

fs::path Workspace::SharedHome() { return fs::path(kHostDir) / "shared-home"; }

// For the knock-out run: one folder of the host for all.
Status Workspace::BindShared() {
  for (const char* part : {"", "data", "submission", "code", "logs", "agent"})
    PODIUM_TRY(MakeDir(SharedHome() / part, ids_.Host(kAgentId), 0777));
  fs::path at = paths_.base / "home";
  if (::mount(SharedHome().c_str(), at.c_str(), nullptr, MS_BIND, nullptr) != 0)
    return FailErrno(ErrorCode::kSandbox, "cannot bind " + SharedHome().string(), errno);
  disk_ = UniqueFd(::open((paths_.base / "disk").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  root_ = UniqueFd(::open(at.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  return {};
}

// Every layer as a folder whose files belong to this sandbox's ids.
Result<std::vector<fs::path>> Workspace::Views(const std::vector<Snapshot::Layer>& layers) {
  std::vector<fs::path> out;
  for (const auto& layer : layers) {
    if (layer.first_id == ids_.first) {
      out.push_back(layer.dir);
      continue;
    }
    fs::path at = paths_.base / ("view" + std::to_string(views_++));
    PODIUM_TRY(MakeDir(at, ids_.Host(0), 0755));
    PODIUM_TRY(BindIdmapped(layer.dir, at, layer.first_id, ids_.first));
    out.push_back(at);
  }
  return out;
}

Status Workspace::Mount(std::vector<Snapshot::Layer> layers, int init_pid) {
  if (layers.size() >= kFlattenAt) {
    // What the stack shows, copied into one layer: once every 63 snapshots.
    fs::path flat = LayerDir(++top_) / "flat", shown = paths_.base / "home";
    PODIUM_TRY(MakeDir(LayerDir(top_), ids_.Host(0), 0755));
    PODIUM_TRY(MakeDir(paths_.base / "flatten", ids_.Host(0), 0755));
    PODIUM_ASSIGN(auto all, Views(layers));
    PODIUM_TRY(MountOverlay(paths_.base / "flatten", all, "", "", MS_RDONLY));
    ProcessSpec copy;
    copy.argv = {"cp", "-a", (paths_.base / "flatten").string(), flat.string()};
    auto copied = RunTool(copy, Deadline::In(std::chrono::minutes(10)));
    ::umount2((paths_.base / "flatten").c_str(), MNT_DETACH);
    if (!copied) return tl::unexpected(copied.error());
    layers = {{flat, ids_.first}};
  }
  int next = top_ + 1;
  PODIUM_TRY(MakeDir(LayerDir(next), ids_.Host(0), 0755));
  PODIUM_TRY(MakeDir(LayerDir(next) / "upper", ids_.Host(0), 0755));
  PODIUM_TRY(MakeDir(LayerDir(next) / "work", ids_.Host(0), 0755));
  PODIUM_ASSIGN(auto views, Views(layers));
  fs::path at = paths_.base / "home";
  bool first = !root_;
  if (!first && ::umount2(at.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
    return FailErrno(ErrorCode::kSandbox, "cannot unmount " + at.string(), errno);
  PODIUM_TRY(MountOverlay(at, views, LayerDir(next) / "upper", LayerDir(next) / "work",
                          (nosuid_ ? MS_NOSUID : 0) | MS_NODEV | MS_NOATIME));
  root_ = UniqueFd(::open(at.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!root_) return FailErrno(ErrorCode::kSandbox, "cannot hold " + at.string(), errno);
  top_ = next;
  layers_ = std::move(layers);
  return init_pid == 0 ? Status{} : Attach(init_pid);
}

Status Workspace::Attach(int init_pid) {
  std::vector<Placement> placements;
  placements.push_back({CloneMount(paths_.base / "home"), "/home"});
  for (std::size_t i = 0; i < data_.size(); ++i) {
    if (data_[i].inside.starts_with("/home/"))
      placements.push_back(
          {CloneMount(paths_.base / ("data" + std::to_string(i))), data_[i].inside});
  }
  for (const auto& p : placements) {
    if (!p.mount) return FailErrno(ErrorCode::kSandbox, "open_tree for " + p.inside, errno);
  }
  Status status;
  std::thread thread([&] { status = ReplaceHome(init_pid, placements); });
  thread.join();
  return status;
}

Result<Snapshot> Workspace::Freeze(int init_pid) {
  std::vector<Snapshot::Layer> layers = layers_;
  layers.insert(layers.begin(), {LayerDir(top_) / "upper", ids_.first});
  Snapshot out{layers, paths_.id + "/" + std::to_string(top_)};
  PODIUM_TRY(Mount(std::move(layers), init_pid));
  return out;
}

Status Workspace::Restore(const Snapshot& snapshot, int init_pid) {
  fs::path dropped = LayerDir(top_);
  PODIUM_TRY(Mount(snapshot.layers, init_pid));
  if (sweeper_.joinable()) sweeper_.join();
  sweeper_ = std::thread([dropped] {
    if (auto removed = RemoveTree(dropped); !removed) LogDebug(removed.error().message);
  });
  return {};
}

void Workspace::Close() {
  if (sweeper_.joinable()) sweeper_.join();
  root_.reset();
  disk_.reset();
}

}  // namespace podium::sandbox
