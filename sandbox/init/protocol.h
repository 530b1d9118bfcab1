#pragma once

#include <cstdint>

// The frames between the host and podium-init over one stream socket: a header and `size` bytes of
// payload. Numbers are in the machine's own order: both ends run on one kernel. A text is a uint32
// length and its bytes.
namespace podium::sandbox::wire {

enum Type : std::uint32_t {
  // host -> init
  kExec = 1,  // uint32 argc, argv texts, uint32 envc, "K=V" texts, cwd text, stdin text. Answered
              // by kOutput... and kExit.
  kPut = 2,   // path text, uint32 mode, content text. Answered by kPutDone.
  kKill = 3,  // ends every process but init; an exec under way is answered by kExit as ever
  // init -> host
  kReady = 10,    // sent once at start
  kOutput = 11,   // some bytes of stdout and stderr
  kExit = 12,     // int32 wait status of the leader
  kPutDone = 13,  // int32 errno, 0 when written
};

struct Header {
  std::uint32_t type;
  std::uint32_t size;
};

inline constexpr int kSocketFd = 3;
inline constexpr std::uint32_t kMaxPayload = 1u << 30;

}  // namespace podium::sandbox::wire
