#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "sandbox/gpu/devices.h"
#include "sandbox/mitigation.h"

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

// The workspace (/home but its data) of a sandbox at one moment: read-only layers that other
// sandboxes may stand on. Usable while the sandbox it was taken from lives; those that began on it
// outlive that.
struct Snapshot {
  struct Layer {
    std::filesystem::path dir;
    std::uint32_t first_id = 0;  // its files belong to this id range
  };
  std::vector<Layer> layers;  // topmost first
  std::string id;             // "<sandbox>/3"
};

// A file of /home that the agent can read and, unless /home is its own, not change.
struct HomeFile {
  std::string name;  // no slash
  std::string content;
  unsigned mode = 0644;
};

// A file of the image's root that is another one here, or that the image lacks: root's, read-only.
struct RootFile {
  std::string inside;  // absolute, of plain names
  std::string content;
};

// A layer of a workspace as a file.
struct PackedLayer {
  Digest digest;            // of the file
  std::uint64_t bytes = 0;  // the file's
};

struct SandboxSpec {
  std::string id;  // [a-z0-9-], at most 60 characters, unique on the host while it lives
  std::vector<std::filesystem::path>
      layers;                       // the image's folders in overlayfs form, topmost first
  std::filesystem::path state_dir;  // of this run: records for the reaper, and the writable layers
  std::vector<DataMount> data;
  std::vector<HomeFile> home_files;  // of a fresh workspace
  std::vector<RootFile> root_files;
  // The agent may write anywhere in /home but to /home/data and /home/.podium, home_files belong to
  // it, and what the image has in /home (but in the places of a fresh workspace other than
  // /home/agent) is there.
  bool own_home = false;
  // An image is built in it: the whole root is the agent's, in which nothing else is root's, and
  // what is changed there is had by Sandbox::TakeRoot.
  bool own_root = false;
  std::uint16_t first_port = 1024;  // the lowest at which Listen works, and the agent may listen
  Limits limits;
  std::vector<std::pair<std::string, std::string>> env;  // the whole environment of every command
  bool allow_unenforced = false;
  std::vector<std::filesystem::path> devices;  // other device nodes of the host shown inside
  GpuDevices gpus;
  std::optional<Snapshot> workspace;  // /home begins as this; empty: fresh
  MitigationSet without;              // left out, for the knock-out run alone
};

struct ExecSpec {
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> env;  // added to the sandbox's
  std::string cwd = "/home/agent";
  std::string stdin_data;
  std::size_t output_head_bytes =
      256 << 10;  // stdout and stderr are one stream; its head and tail are kept
  std::size_t output_tail_bytes = 256 << 10;
  // The first follow_bytes of the output, piece by piece as they come; on the event loop's thread.
  std::function<void(std::string_view)> on_output;
  std::size_t follow_bytes = 0;
  // So long before the deadline every process gets SIGTERM, and time to put its work away; the
  // command then ends with the last of them, as kTimeLimit. 0: no notice.
  Millis notice{0};
  // By how much the command's deadline has moved on since it began: it waits for others, and its
  // own time stands still. Never falls; asked on the event loop's thread. Empty: not at all.
  std::function<Millis()> moved;
};

// Why a command ended; the first cause wins.
enum class ExecEnd {
  kExited,
  kSignalled,    // by itself or another of its processes
  kTimeLimit,    // the deadline passed and everything was killed
  kMemoryLimit,  // the kernel killed for memory
  kPidLimit,     // fork was refused
  kDiskLimit,    // the writable layer was full
  kInitGone,     // PID 1 ended or fell silent under a command: nothing runs in there any more
};
std::string_view ExecEndText(ExecEnd end);  // "exited", "signalled", "time_limit", "memory_limit",
                                            // "pid_limit", "disk_limit", "init_gone"

struct ExecResult {
  ExecEnd end = ExecEnd::kExited;
  int exit_code = -1;
  int signal = 0;
  std::string output;              // head, a line that says what is missing, tail
  std::uint64_t output_bytes = 0;  // before the cut
  Millis wall{0};
};

// A job has ended: a command that went on beside others (Sandbox::StartJob).
struct JobEnd {
  int job = 0;
  ExecEnd end = ExecEnd::kExited;
  int exit_code = -1;
  int signal = 0;
  bool stopped = false;  // by Sandbox::StopJob
  Millis wall{0};
  std::uint64_t output_bytes = 0;
};

// How a job stands.
struct JobLook {
  bool running = false;
  JobEnd so_far;            // its end, once it does not run
  std::uint64_t first = 0;  // byte of its output with which `output` begins
  std::string output;       // as far as it is still known
};

// Counters of the whole sandbox so far.
struct Usage {
  std::uint64_t memory_peak_bytes = 0;
  Millis cpu{0};
  std::uint64_t disk_bytes = 0;
  std::uint64_t oom_kills = 0;
  Millis throttled{0};  // in which it wanted more cores than limits.cpus
};

// In the context of an error that the agent can bring about (CausedByAgent in sandbox.h).
inline const std::pair<std::string, std::string> kAgentsFault = {"cause", "agent"};

// One line a mechanism: what was enforced and by what. Written into every verdict, so it holds no
// ids or times.
struct IsolationRecord {
  std::string backend;  // "oci:runc 1.1.5"
  std::vector<std::pair<std::string, std::string>>
      enforced;  // {"memory", "cgroup v1 memory.limit_in_bytes"}
  std::vector<std::string> not_enforced;
};

}  // namespace podium::sandbox
