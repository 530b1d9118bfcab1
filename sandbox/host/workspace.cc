#include "sandbox/host/workspace.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/log.h"
#include "sandbox/host/rootless.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

// The options of an overlay, one page, hold some 200 layers; far below that a stack is copied into
// one. A copy that failed is tried again later.
constexpr std::size_t kFlattenFrom = 48, kFlattenStep = 16, kMostLayers = 160;

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

// What lower layers have in this folder does not show through it.
Status HideBelow(const fs::path& dir) {
  const char* name = IsRootless() ? "user.overlay.opaque" : "trusted.overlay.opaque";
  if (::setxattr(dir.c_str(), name, "y", 1, 0) == 0) return {};
  return FailErrno(ErrorCode::kSandbox, "cannot close " + dir.string() + " to lower layers", errno);
}

// The image's own /home, its owners as the image has them. Rootless they could not be renumbered.
void AddHomesOf(const std::vector<fs::path>& image, std::vector<Snapshot::Layer>& layers) {
  for (const auto& layer : image) {
    struct stat st {};
    fs::path home = layer / "home";
    bool folder = ::lstat(home.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
    if (folder && !IsRootless()) layers.push_back({home, 0});
  }
}

Status PutHomeFile(const fs::path& base, const HomeFile& file, std::uint32_t owner) {
  if (file.name.empty() || file.name.starts_with('.') || file.name.find('/') != std::string::npos)
    return Fail(ErrorCode::kUsage, "a file of /home is a plain name, not '" + file.name + "'");
  fs::path at = base / file.name;
  PODIUM_TRY(WriteOwnFile(at, file.content, file.mode));
  // Whatever the umask: the agent is another user.
  if (::chmod(at.c_str(), file.mode) != 0 || ::lchown(at.c_str(), owner, owner) != 0)
    return FailErrno(ErrorCode::kSandbox, "cannot give away " + at.string(), errno);
  return {};
}

}  // namespace

Workspace::Workspace(const HostPaths& paths, const SandboxSpec& spec, IdShift ids)
    : paths_(paths),
      data_(spec.data),
      ids_(ids),
      nosuid_(!spec.without.contains(Mitigation::kNosuid)),
      // Sticky: what is another's there can be neither taken away nor replaced.
      mode_(spec.own_home ? 01777 : 0755) {}

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
    PODIUM_TRY(out.MakeFresh(spec));
    layers = {{disk / "home" / "base", ids.first}};
    if (spec.own_home) AddHomesOf(spec.layers, layers);
  }
  out.disk_ = UniqueFd(::open(disk.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  PODIUM_TRY(out.Mount(std::move(layers), 0, Deadline::In(kFirstMountTime)));
  return out;
}

Status Workspace::MakeFresh(const SandboxSpec& spec) {
  fs::path base = paths_.base / "disk" / "home" / "base";
  PODIUM_TRY(MakeDir(base, ids_.Host(0), mode_));
  for (const char* roots : {"data", ".podium"}) {
    PODIUM_TRY(MakeDir(base / roots, ids_.Host(0), 0755));
    if (spec.own_home) PODIUM_TRY(HideBelow(base / roots));
  }
  for (const char* own : {"submission", "code", "logs", "agent"}) {
    PODIUM_TRY(MakeDir(base / own, ids_.Host(kAgentId), 0755));
    bool shows = !spec.own_home || std::string_view(own) == "agent";
    if (!shows) PODIUM_TRY(HideBelow(base / own));
  }
  std::uint32_t owner = ids_.Host(spec.own_home ? kAgentId : 0);
  for (const auto& file : spec.home_files) PODIUM_TRY(PutHomeFile(base, file, owner));
  return {};
}

fs::path Workspace::SharedHome() { return MountsDir() / "shared-home"; }

// For the knock-out run: one folder of the host for all.
Status Workspace::BindShared() {
  for (const char* part : {"", "data", ".podium", "submission", "code", "logs", "agent"})
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
    auto known = views_.find(layer.dir);
    if (known == views_.end()) {
      fs::path at = paths_.base / ("view" + std::to_string(views_.size()));
      PODIUM_TRY(MakeDir(at, ids_.Host(0), 0755));
      PODIUM_TRY(BindIdmapped(layer.dir, at, layer.first_id, ids_.first));
      known = views_.emplace(layer.dir, at).first;
    }
    out.push_back(known->second);
  }
  return out;
}

Result<Flattener::Job> Workspace::FlattenJob(std::vector<Snapshot::Layer> stack,
                                             std::vector<fs::path> view) {
  Flattener::Job job;
  job.scratch = paths_.base / "flatten";
  job.flat = {paths_.base / "disk" / "home" / ("flat" + std::to_string(flats_++)), ids_.first};
  PODIUM_TRY(MakeDir(job.scratch, ids_.Host(0), 0755));
  job.stack = std::move(stack);
  job.view = std::move(view);
  return job;
}

// The copy counts as the agent's: as much again as everything there must still be free after it.
bool Workspace::HasRoomForCopy() const {
  struct statvfs st {};
  if (::fstatvfs(disk_.get(), &st) != 0) return false;
  return st.f_bavail > 2 * (st.f_blocks - st.f_bfree) &&
         st.f_favail > 2 * (st.f_files - st.f_ffree);
}

void Workspace::Flatten(const std::vector<fs::path>& views) {
  std::size_t n = layers_.size();
  if (n < kFlattenFrom || n % kFlattenStep != 0 || flattener_->busy() || !HasRoomForCopy()) return;
  auto job = FlattenJob(layers_, views);
  if (job) flattener_->Start(std::move(*job));
}

Status Workspace::FlattenNow(std::vector<Snapshot::Layer>& layers, Deadline deadline) {
  if (auto copied = flattener_->Wait(deadline); copied)
    layers = flattener_->Shortened(std::move(layers));
  if (layers.size() < kMostLayers) return {};
  PODIUM_ASSIGN(auto view, Views(layers));
  PODIUM_ASSIGN(auto job, FlattenJob(layers, std::move(view)));
  flattener_->Start(std::move(job));
  PODIUM_TRY(flattener_->Wait(deadline));
  layers = flattener_->Shortened(std::move(layers));
  return {};
}

Status Workspace::Mount(std::vector<Snapshot::Layer> layers, int init_pid, Deadline deadline) {
  if (deadline.expired()) return Fail(ErrorCode::kTimeout, "no time was left for the workspace");
  layers = flattener_->Shortened(std::move(layers));
  if (layers.size() >= kMostLayers) PODIUM_TRY(FlattenNow(layers, deadline));
  int next = top_ + 1;
  PODIUM_TRY(MakeDir(LayerDir(next), ids_.Host(0), 0755));
  PODIUM_TRY(MakeDir(LayerDir(next) / "upper", ids_.Host(0), mode_));
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
  if (init_pid != 0) PODIUM_TRY(Attach(init_pid));
  Flatten(views);
  return {};
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

Result<Snapshot> Workspace::Freeze(int init_pid, Deadline deadline) {
  std::vector<Snapshot::Layer> layers = layers_;
  layers.insert(layers.begin(), {LayerDir(top_) / "upper", ids_.first});
  Snapshot out{layers, paths_.id + "/" + std::to_string(top_)};
  PODIUM_TRY(Mount(std::move(layers), init_pid, deadline));
  return out;
}

Status Workspace::Restore(const Snapshot& snapshot, int init_pid, Deadline deadline) {
  fs::path dropped = LayerDir(top_);
  PODIUM_TRY(Mount(snapshot.layers, init_pid, deadline));
  Sweep({dropped});
  return {};
}

Result<Snapshot> Workspace::AddLayer(const Snapshot& below, const FillLayer& fill,
                                     int number) const {
  std::string name = "kept" + std::to_string(number);
  fs::path dir = paths_.base / "disk" / "home" / name;
  PODIUM_TRY(MakeDir(dir, ids_.Host(0), mode_));
  PODIUM_TRY(fill(dir, ids_.first));
  Snapshot out{below.layers, paths_.id + "/" + name};
  out.layers.insert(out.layers.begin(), {dir, ids_.first});
  return out;
}

void Workspace::Sweep(std::vector<fs::path> dirs) {
  if (sweeper_.joinable()) sweeper_.join();
  sweeper_ = std::thread([dirs = std::move(dirs)] {
    for (const auto& dir : dirs) {
      if (auto removed = RemoveTree(dir); !removed) LogDebug(removed.error().message);
    }
  });
}

void Workspace::Drop(const std::vector<Snapshot::Layer>& layers) {
  if (flattener_->busy()) return;
  fs::path own = paths_.base / "disk" / "home";
  std::vector<fs::path> dirs;
  for (const auto& layer : layers) {
    bool stands_on = std::ranges::find(layers_, layer.dir, &Snapshot::Layer::dir) != layers_.end();
    bool is_own = layer.dir.native().starts_with(own.native() + "/");
    if (is_own && !stands_on) dirs.push_back(layer.dir);
  }
  if (!dirs.empty()) Sweep(std::move(dirs));
}

Status Workspace::PutGuarded(const std::string& name, std::string_view bytes, unsigned mode) {
  if (name.empty() || name.starts_with('.') || name.find('/') != std::string::npos)
    return Fail(ErrorCode::kUsage, "a file of /home/.podium is a plain name, not '" + name + "'");
  UniqueFd dir(::openat(root_.get(), ".podium", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir) return FailErrno(ErrorCode::kSandbox, "cannot open /home/.podium", errno);
  std::string temp = ".new-" + name;
  UniqueFd file(::openat(dir.get(), temp.c_str(),
                         O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  Status written;
  if (!file) written = FailErrno(ErrorCode::kSandbox, "cannot make it", errno);
  if (written) written = WriteAll(file.get(), bytes);
  if (written &&
      (::fchown(file.get(), ids_.Host(0), ids_.Host(0)) != 0 || ::fchmod(file.get(), mode) != 0 ||
       ::renameat(dir.get(), temp.c_str(), dir.get(), name.c_str()) != 0))
    written = FailErrno(ErrorCode::kSandbox, "cannot keep it", errno);
  if (written) return {};
  bool full = DiskFull();
  ::unlinkat(dir.get(), temp.c_str(), 0);
  Error failed{ErrorCode::kSandbox, "cannot write /home/.podium/" + name +
                                        " for the sandbox: " + written.error().message};
  if (full) failed = std::move(failed).With(kAgentsFault.first, kAgentsFault.second);
  return tl::unexpected(std::move(failed));
}

bool Workspace::DiskFull() const {
  struct statvfs st {};
  if (::fstatvfs(disk_.get(), &st) != 0) return false;
  return st.f_bavail * st.f_frsize < (std::uint64_t{1} << 20) || st.f_favail < 8;
}

void Workspace::Close() {
  if (flattener_) flattener_->Cancel();
  if (sweeper_.joinable()) sweeper_.join();
  root_.reset();
  disk_.reset();
}

}  // namespace podium::sandbox
