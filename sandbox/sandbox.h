#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace podium::sandbox {

// What a sandbox may use. Every limit is enforced or the sandbox is not made (see
// SandboxSpec::allow_unenforced).
struct Limits {
  std::uint64_t memory_bytes = std::uint64_t{4} << 30;  // heap, page cache and /dev/shm together
  double cpus = 1.0;                                    // CPU quota in cores
  int pids = 512;                                       // processes and threads
  std::uint64_t disk_bytes = std::uint64_t{4} << 30;    // the writable layer
  std::uint64_t inodes = 200'000;                       // files in the writable layer
  std::uint64_t shm_bytes = std::uint64_t{1} << 30;     // /dev/shm
  std::uint64_t tmp_bytes = std::uint64_t{1} << 30;     // /tmp
};

// A folder of the host shown read-only inside, through an overlay of its own.
struct DataMount {
  std::filesystem::path host;
  std::string inside;  // absolute
};

struct SandboxSpec {
  std::string id;  // [a-z0-9-], at most 60 characters, unique on the host while it lives
  std::filesystem::path rootfs;     // an unpacked image
  std::filesystem::path state_dir;  // of this run: records for the reaper, and the writable layers
  std::vector<DataMount> data;
  Limits limits;
  std::vector<std::pair<std::string, std::string>> env;  // the whole environment of every command
  bool allow_unenforced = false;
};

struct ExecSpec {
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> env;  // added to the sandbox's
  std::string cwd = "/home/agent";
  std::string stdin_data;
  std::size_t output_head_bytes =
      256 << 10;  // stdout and stderr are one stream; its head and tail are kept
  std::size_t output_tail_bytes = 256 << 10;
};

// Why a command ended; the first cause wins.
enum class ExecEnd {
  kExited,
  kSignalled,    // by itself or another of its processes
  kTimeLimit,    // the deadline passed and everything was killed
  kMemoryLimit,  // the kernel killed for memory
  kPidLimit,     // fork was refused
  kDiskLimit,    // the writable layer was full
};
std::string_view ExecEndText(
    ExecEnd end);  // "exited", "signalled", "time_limit", "memory_limit", "pid_limit", "disk_limit"

struct ExecResult {
  ExecEnd end = ExecEnd::kExited;
  int exit_code = -1;
  int signal = 0;
  std::string output;              // head, a line that says what is missing, tail
  std::uint64_t output_bytes = 0;  // before the cut
  Millis wall{0};
};

// Counters of the whole sandbox so far.
struct Usage {
  std::uint64_t memory_peak_bytes = 0;
  Millis cpu{0};
  std::uint64_t disk_bytes = 0;
  std::uint64_t oom_kills = 0;
};

// Why a file could not be taken from a sandbox. Text values are part of verdicts.
enum class TakeFault {
  kNone,
  kMissing,
  kSymlink,
  kNotRegular,
  kHardLink,
  kEmpty,
  kTooLarge,
  kUnreadable
};
std::string_view TakeFaultText(TakeFault fault);  // "missing", "symlink", "not_regular",
                                                  // "hard_link", "empty", "too_large", "unreadable"

struct TakenFile {
  TakeFault fault = TakeFault::kNone;
  std::string detail;  // for a person
  std::uint64_t bytes = 0;
  Digest digest;  // of the bytes stored
};

// One line a mechanism: what was enforced and by what. Written into every verdict, so it holds no
// ids or times.
struct IsolationRecord {
  std::string backend;  // "oci:runc 1.1.5"
  std::vector<std::pair<std::string, std::string>>
      enforced;  // {"memory", "cgroup v1 memory.limit_in_bytes"}
  std::vector<std::string> not_enforced;
};

// A live container. Owned by one trial; all calls come from the event loop's thread, one at a time.
// Destruction without destroy() kills the container's init at once and leaves the rest (mounts,
// cgroup, files) to the reaper.
class Sandbox {
 public:
  virtual ~Sandbox() = default;

  // Runs a command as the agent's user and waits for its end. When the leader has ended or the
  // deadline has passed, every other process the command left behind is killed too. An error means
  // that the sandbox itself broke.
  [[nodiscard]] virtual Task<Result<ExecResult>> Exec(ExecSpec spec, Deadline deadline) = 0;

  // Writes a file inside (parents are made), owned by the agent's user; done inside the container,
  // so that no link there can lead a host process astray.
  [[nodiscard]] virtual Task<Status> PutFile(std::string inside, std::string bytes, unsigned mode,
                                             Deadline deadline) = 0;

  // Copies a file out to `to` by the guarded walk of reference order: no links, no special files,
  // no second hard link, at most max_bytes; hashed while copied. A file that may not be taken is a
  // fault in the value, not an error.
  [[nodiscard]] virtual Task<Result<TakenFile>> TakeFile(std::string inside,
                                                         std::filesystem::path to,
                                                         std::uint64_t max_bytes,
                                                         Deadline deadline) = 0;

  [[nodiscard]] virtual Result<Usage> ReadUsage() = 0;
  [[nodiscard]] virtual const IsolationRecord& isolation() const = 0;

  // Freezes the container, kills all in it and waits until it is empty. Exec and PutFile fail
  // afterwards; TakeFile works.
  [[nodiscard]] virtual Task<Status> Seal(Deadline deadline) = 0;

  // Removes everything this sandbox made: container, mounts, loop device, cgroup, files.
  [[nodiscard]] virtual Task<Status> Destroy(Deadline deadline) = 0;
};

// Makes sandboxes of one kind. Used by many trials at once, from the event loop's thread.
class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual Task<Result<std::unique_ptr<Sandbox>>> Create(SandboxSpec spec,
                                                                      Deadline deadline) = 0;
};

// The OCI backend on runc. `reactor` must outlive it.
[[nodiscard]] Result<std::unique_ptr<Backend>> MakeOciBackend(Reactor& reactor);

// Removes whatever dead processes left on this host (containers, mounts, loop devices, cgroups,
// files), of any run; touches nothing whose owner lives. One process at a time does so; another
// returns 0 at once. Returns how many sandboxes were removed. Blocking.
[[nodiscard]] Result<int> ReapDead(Deadline deadline);

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
