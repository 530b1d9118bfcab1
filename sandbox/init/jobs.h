#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/init/buffers.h"

namespace podium::sandbox::init {

inline constexpr int kMostJobs = 16;  // that live, or whose output is still known

// A command that goes on beside the others. A keeper, a process of init's user above it, holds
// together all that it starts, so that a command's end takes nothing of it and its own end all.
struct Job {
  uint32_t id = 0;   // 0: the place is free
  pid_t keeper = 0;  // 0: it has ended
  int output_pipe = -1;
  int report_pipe = -1;  // on which the keeper says how it ended
  int32_t status = 0;    // of its leader, as waitpid gives it
  uint32_t cut = 0;      // wire::JobCut
  long begun = 0;        // NowMs
  uint32_t wall_ms = 0;
  Ring output;
};

// All jobs of a sandbox. Out of pipes or processes ends a job at its start, as a command's.
class Jobs {
 public:
  // Becomes the command, with its output on the descriptor. Does not return.
  using Become = void (*)(void* command, int output);

  // In the place of the oldest that has ended, where all are taken; nullptr where all live.
  // limit_ms: after which it is killed.
  Job* Start(uint32_t id, size_t room, uint32_t limit_ms, Become become, void* command);
  void Stop(uint32_t id);
  [[nodiscard]] Job* Find(uint32_t id);
  // The job of a keeper that was reaped, which has ended by that; nullptr where it was none.
  Job* Ended(pid_t keeper);
  void ReadOutput(Job& job);

  // Frames of the protocol: how the job stands, with what it printed from byte `from` on as far as
  // that is still known; that it has ended.
  void TellState(uint32_t id, uint64_t from, Buffer& to);
  static void TellEnd(const Job& job, Buffer& to);

  // Kills what does not belong to a job; all, where that is outrun.
  void KillOthers() const;

  [[nodiscard]] Job* begin() { return all_; }
  [[nodiscard]] Job* end() { return all_ + kMostJobs; }

 private:
  Job* FreePlace();
  int Keepers(pid_t* out) const;

  Job all_[kMostJobs];
};

}  // namespace podium::sandbox::init
