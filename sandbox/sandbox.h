#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/async/reactor.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/spec.h"
#include "sandbox/taken.h"

namespace podium::sandbox {

// A live container. Owned by one trial; all calls come from the event loop's thread, one at a time.
// Destruction without destroy() kills the container's init at once and leaves the rest (mounts,
// cgroup, files) to the reaper.
class Sandbox {
 public:
  virtual ~Sandbox() = default;

  // Runs a command as the agent's user and waits for its end. When the leader has ended or the
  // deadline has passed, every other process the command left behind is killed too, by the host
  // where podium-init does not. What a command does to podium-init is an end of that command
  // (kInitGone), and of those after it. An error means that the sandbox itself broke.
  [[nodiscard]] virtual Task<Result<ExecResult>> Exec(ExecSpec spec, Deadline deadline) = 0;

  // A command that goes on beside those that Exec runs, until it ends by itself, `most` has passed
  // or the sandbox is sealed; what it started ends with it. Its number, from 1. Of its output the
  // last spec.output_tail_bytes stay known; it has no input. At most kMostJobs live at once, and
  // while one does the workspace cannot be frozen or restored.
  [[nodiscard]] virtual Task<Result<int>> StartJob(ExecSpec spec, Millis most, Deadline deadline);
  // With its output from byte `from` on. An error (kUsage) where there is no such job any more.
  [[nodiscard]] virtual Task<Result<JobLook>> LookAtJob(int job, std::uint64_t from,
                                                        Deadline deadline);
  // Kills it with all that it started, and waits for that; one that has ended is left as it is.
  [[nodiscard]] virtual Task<Status> StopJob(int job, Deadline deadline);
  // Waits until some job has ended that TakeEndedJobs has not said, or the deadline. Unlike the
  // rest it may be cancelled at any moment.
  [[nodiscard]] virtual Task<Status> WaitForJobs(Deadline deadline);
  // Those that have ended since it was last asked, as far as is known.
  [[nodiscard]] virtual std::vector<JobEnd> TakeEndedJobs() { return {}; }
  [[nodiscard]] virtual int LiveJobs() const { return 0; }

  // Writes a file inside (parents are made), owned by the agent's user; done inside the container,
  // so that no link there can lead a host process astray. What an agent can bring about (a folder
  // in its place, a full disk, an end of podium-init) gives an error that CausedByAgent knows.
  // Files of /home/.podium (plain names) are written by the host and belong to root: the agent can
  // read and run them, and hinder or change nothing there.
  [[nodiscard]] virtual Task<Status> PutFile(std::string inside, std::string bytes, unsigned mode,
                                             Deadline deadline) = 0;

  // Copies a file out to `to` by the guarded walk of reference order: no links, no special files,
  // no second hard link, at most max_bytes; hashed while copied. A file that may not be taken is a
  // fault in the value, not an error.
  [[nodiscard]] virtual Task<Result<TakenFile>> TakeFile(std::string inside,
                                                         std::filesystem::path to,
                                                         std::uint64_t max_bytes,
                                                         Deadline deadline) = 0;

  // Copies the regular files below a folder of /home out to `to` (a folder, made) by the same walk:
  // no links, no special files, nothing sparse, no second hard link, within `caps`. What was left
  // out is in the value; a folder that is not there is an empty tree.
  [[nodiscard]] virtual Task<Result<TakenTree>> TakeTree(std::string inside,
                                                         std::filesystem::path to, TreeCaps caps,
                                                         Deadline deadline) = 0;

  [[nodiscard]] virtual Result<Usage> ReadUsage() = 0;

  // Keeps the workspace as it is now and goes on in a new layer above it. No command may be under
  // way. Takes milliseconds, whatever the workspace's size.
  [[nodiscard]] virtual Task<Result<Snapshot>> TakeSnapshot(Deadline deadline) = 0;

  // The workspace becomes what the snapshot holds; what was written since is dropped. The snapshot
  // may be another sandbox's.
  [[nodiscard]] virtual Task<Status> Restore(Snapshot snapshot, Deadline deadline) = 0;

  // What the snapshot's topmost layer holds, what was changed since the one below, as a compressed
  // tar outside: owners, modes and times stay, extended attributes do not. Its folders may be a
  // sealed sandbox's.
  [[nodiscard]] virtual Task<Result<PackedLayer>> PackLayer(Snapshot snapshot,
                                                            std::filesystem::path tar,
                                                            Deadline deadline);
  // A workspace that holds what `below` does and, above it, the layer of such a tar. An error
  // (kUsage) names what in the tar cannot be one.
  [[nodiscard]] virtual Task<Result<Snapshot>> AddLayer(Snapshot below, std::filesystem::path tar,
                                                        Deadline deadline);

  // Removes those of the layers that are its own and that it does not stand on; no snapshot that
  // holds one may be used again, by any sandbox. What cannot be removed now goes with the sandbox.
  [[nodiscard]] virtual Task<Status> DropLayers(std::vector<Snapshot::Layer> layers);

  // A listening TCP socket at 127.0.0.1:`port` inside the sandbox: connections made in there arrive
  // at the returned descriptor, and nothing else does.
  [[nodiscard]] virtual Task<Result<UniqueFd>> Listen(std::uint16_t port, Deadline deadline) = 0;

  [[nodiscard]] virtual const IsolationRecord& isolation() const = 0;

  // Freezes the container, kills all in it and waits until it is empty. Exec and PutFile fail
  // afterwards; TakeFile works.
  [[nodiscard]] virtual Task<Status> Seal(Deadline deadline) = 0;

  // What was changed in the root (spec.own_root) as the tar of an image's layer, by
  // names and with one time for all, its owners as an image has them. /home, /tmp, /proc, /sys and
  // /dev are no part of it. After Seal.
  [[nodiscard]] virtual Task<Status> TakeRoot(std::filesystem::path tar, Deadline deadline);

  // Removes everything this sandbox made: container, mounts, loop device, cgroup, files.
  [[nodiscard]] virtual Task<Status> Destroy(Deadline deadline) = 0;
};

// Jobs of one sandbox that live at the same time.
inline constexpr int kMostJobs = 15;

// Where programs are put that an agent must not be able to hinder or change.
inline constexpr const char* kGuardedFolder = "/home/.podium/";

// Whether a sandbox's error is of something that the agent in it can bring about; it counts as the
// agent's own failure, never as infrastructure.
[[nodiscard]] bool CausedByAgent(const Error& error);

// Makes sandboxes of one kind. Used by many trials at once, from the event loop's thread.
class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual Task<Result<std::unique_ptr<Sandbox>>> Create(SandboxSpec spec,
                                                                      Deadline deadline) = 0;
};

// One row of `podium doctor`.
struct HostCheck {
  std::string name;
  bool ok = false;
  bool required = true;
  std::string found;   // "runc 1.1.5", "missing"
  std::string advice;  // what to do when it is not ok
};
[[nodiscard]] std::vector<HostCheck> CheckHost();

}  // namespace podium::sandbox
