#pragma once

#include <cstdint>

// The frames between the host and podium-init over one stream socket: a header and `size` bytes of
// payload. Numbers are in the machine's own order: both ends run on one kernel. A text is a uint32
// length and its bytes.
namespace podium::sandbox::wire {

enum Type : std::uint32_t {
  // host -> init
  kExec = 1,      // uint32 head cap, uint32 tail cap, uint32 argc, argv texts, uint32 envc, "K=V"
                  // texts, cwd text, stdin text. Answered by kOutput... and kExit.
  kPut = 2,       // path text, uint32 mode, content text. Answered by kPutDone.
  kKill = 3,      // ends every process but init; an exec under way is answered by kExit as ever
  kTerm = 4,      // SIGTERM to every process but init; an exec under way then ends with the last of
                  // them, its leader's status in the answer
  kStat = 5,      // answered by kStatDone
  kListen = 6,    // uint32 port, path text; answered by kListenDone. No path: the descriptor comes
                  // beside it (SCM_RIGHTS). A path: init relays each connection to the unix socket
                  // there, for kernels that hand no descriptor out.
  kShutdown = 7,  // init exits, and everything with it
  kJob = 20,      // uint32 id (not 0), uint32 how many of the last bytes of output are kept, uint32
                  // milliseconds after which it is killed, then as kExec from argc to cwd. Answered
                  // by kJobState; goes on beside commands until its end, which kJobEnd says.
  kJobLook = 21,  // uint32 id, uint64 from; answered by kJobState with its output from there on
  kJobStop = 22,  // uint32 id: it is killed with all that it started. Answered by kJobState.
  // init -> host
  kReady = 10,       // sent once at start
  kOutput = 11,      // some bytes of stdout and stderr: the head as it comes, the tail at the end
  kExit = 12,        // int32 wait status of the leader, uint64 bytes of output in all
  kPutDone = 13,     // int32 errno, 0 when written; ECANCELED when the writer was killed
  kStatDone = 14,    // uint32 processes beside init, uint32 1 while an exec is under way
  kListenDone = 15,  // int32 errno, 0 when it listens
  kJobState = 23,    // JobState and bytes of output; all 0 where no job has the id any more
  kJobEnd = 24,      // JobEnd, before whatever is sent next
};

enum JobCut : std::uint32_t { kNotCut = 0, kCutByTime = 1, kCutByHost = 2 };

struct JobEnd {
  std::uint32_t id;
  std::int32_t status;  // wait status of its leader
  std::uint32_t cut;    // JobCut: why it was killed
  std::uint32_t wall_ms;
  std::uint64_t output_bytes;
};
struct JobState {
  JobEnd so_far;
  std::uint64_t first;  // byte of the output that is the first of those that follow
  std::uint32_t running, unused;
};

struct Header {
  std::uint32_t type;
  std::uint32_t size;
};

inline constexpr std::uint32_t kMaxPayload = 1u << 30;

// Arguments of podium-init: where the host is ("fd:N", or "unix:PATH" to connect to), the user that
// it becomes itself ("self:N") and the one that commands run as ("agent:N"; without it, init's
// own), then for the knock-out run alone what it leaves out.
inline constexpr const char* kSelf = "self:";
inline constexpr const char* kAgent = "agent:";
inline constexpr const char* kKeepDescriptors = "without-closed-descriptors";
inline constexpr const char* kDumpable = "without-init-undumpable";
inline constexpr const char* kLeaveRunning = "without-kill-leftovers";

}  // namespace podium::sandbox::wire
