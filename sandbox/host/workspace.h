#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/host/flattener.h"
#include "sandbox/host/host_paths.h"
#include "sandbox/host/mounts.h"
#include "sandbox/spec.h"

namespace podium::sandbox {

// /home of one sandbox: an overlay whose writable layer can be frozen and built upon. A layer is a
// folder home/N on the sandbox's sized disk. All calls block for milliseconds.
class Workspace {
 public:
  // Mounts it at paths.base/home, on spec.workspace's layers or fresh.
  [[nodiscard]] static Result<Workspace> Make(const HostPaths& paths, const SandboxSpec& spec,
                                              IdShift ids);
  Workspace(Workspace&&) = default;
  Workspace& operator=(Workspace&&) = default;
  ~Workspace();

  // Its root folder, for the guarded walk. Held from the moment it was mounted.
  [[nodiscard]] int root() const { return root_.get(); }
  [[nodiscard]] int disk() const { return disk_.get(); }

  // The writable layer becomes read-only and part of the snapshot; an empty one takes its place, at
  // paths.base/home and, unless `init_pid` is 0, at /home in that process's mount namespace.
  // A stack that has to be copied into one layer first is waited for until the deadline.
  [[nodiscard]] Result<Snapshot> Freeze(int init_pid, Deadline deadline);
  // Stands on the snapshot's layers instead; the writable layer's files are removed meanwhile.
  [[nodiscard]] Status Restore(const Snapshot& snapshot, int init_pid, Deadline deadline);

  // A layer that `fill` puts into an empty folder, its files those of the range that begins at the
  // given id, above the snapshot's: nothing is mounted yet. `number`: of this one, never used
  // before. What it takes counts as the sandbox's.
  using FillLayer = std::function<Status(const std::filesystem::path& dir, std::uint32_t first_id)>;
  [[nodiscard]] Result<Snapshot> AddLayer(const Snapshot& below, const FillLayer& fill,
                                          int number) const;

  // Removes those of the layers that are this workspace's and that it does not stand on, in the
  // background; none while a stack is copied.
  void Drop(const std::vector<Snapshot::Layer>& layers);

  // Writes a file of /home/.podium, which is root's in there; `name` is plain. Nothing that an
  // agent made is on the way. What the sandbox's disk refuses is the agent's fault (CausedByAgent).
  [[nodiscard]] Status PutGuarded(const std::string& name, std::string_view bytes, unsigned mode);

  // What stands in for every workspace when the knock-out run leaves `fresh-workspace` out.
  [[nodiscard]] static std::filesystem::path SharedHome();

  // Whether next to nothing fits on the sandbox's disk any more.
  [[nodiscard]] bool DiskFull() const;

  // Lets go of every descriptor, so that the mounts can end.
  void Close();

 private:
  Workspace(const HostPaths& paths, const SandboxSpec& spec, IdShift ids);
  Status MakeFresh(const SandboxSpec& spec);
  Status Mount(std::vector<Snapshot::Layer> layers, int init_pid, Deadline deadline);
  Result<std::vector<std::filesystem::path>> Views(const std::vector<Snapshot::Layer>& layers);
  // Copies a stack that has grown into one layer in the background; where it is too long already,
  // at once.
  void Flatten(const std::vector<std::filesystem::path>& views);
  Status FlattenNow(std::vector<Snapshot::Layer>& layers, Deadline deadline);
  [[nodiscard]] Result<Flattener::Job> FlattenJob(std::vector<Snapshot::Layer> stack,
                                                  std::vector<std::filesystem::path> view);
  [[nodiscard]] bool HasRoomForCopy() const;
  Status Attach(int init_pid);
  Status BindShared();
  [[nodiscard]] std::filesystem::path LayerDir(int n) const;
  void Sweep(std::vector<std::filesystem::path> dirs);

  HostPaths paths_;
  std::vector<DataMount> data_;
  IdShift ids_;
  bool nosuid_ = true;
  unsigned mode_ = 0755;                 // of /home
  std::vector<Snapshot::Layer> layers_;  // below the writable one, topmost first
  int top_ = 0;                          // number of the writable layer
  std::map<std::filesystem::path, std::filesystem::path> views_;  // of others' layers
  int flats_ = 0;
  UniqueFd root_, disk_;
  std::thread sweeper_;  // removes dropped layers
  std::unique_ptr<Flattener> flattener_ = std::make_unique<Flattener>();
};

}  // namespace podium::sandbox
