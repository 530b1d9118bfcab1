#include "sandbox/container/exec_end.h"

#include <sys/wait.h>

namespace podium::sandbox {

void Classify(ExecResult& result, int status, const ExecSigns& seen,
              const std::function<bool()>& disk_full) {
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  bool failed = result.exit_code != 0;
  result.end = WIFSIGNALED(status) ? ExecEnd::kSignalled : ExecEnd::kExited;
  if (seen.locks || (seen.oom && failed && !seen.timed_out)) {
    result.end = ExecEnd::kMemoryLimit;
  } else if (seen.timed_out) {
    result.end = seen.refused ? ExecEnd::kPidLimit : ExecEnd::kTimeLimit;
  } else if (seen.refused && failed) {
    result.end = ExecEnd::kPidLimit;
  } else if (failed && disk_full()) {
    result.end = ExecEnd::kDiskLimit;
  }
}

void ClassifyGone(ExecResult& result, const ExecSigns& seen) {
  result.end = ExecEnd::kInitGone;
  if (seen.oom || seen.locks)
    result.end = ExecEnd::kMemoryLimit;  // the kernel may have chosen init itself
  else if (seen.refused)
    result.end = ExecEnd::kPidLimit;
  else if (seen.timed_out)
    result.end = ExecEnd::kTimeLimit;
}

}  // namespace podium::sandbox
