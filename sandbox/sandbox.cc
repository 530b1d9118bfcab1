#include "sandbox/sandbox.h"

namespace podium::sandbox {

std::string_view ExecEndText(ExecEnd end) {
  switch (end) {
    case ExecEnd::kExited:
      return "exited";
    case ExecEnd::kSignalled:
      return "signalled";
    case ExecEnd::kTimeLimit:
      return "time_limit";
    case ExecEnd::kMemoryLimit:
      return "memory_limit";
    case ExecEnd::kPidLimit:
      return "pid_limit";
    case ExecEnd::kDiskLimit:
      return "disk_limit";
  }
  return "exited";
}

std::string_view TakeFaultText(TakeFault fault) {
  switch (fault) {
    case TakeFault::kNone:
      return "";
    case TakeFault::kMissing:
      return "missing";
    case TakeFault::kSymlink:
      return "symlink";
    case TakeFault::kNotRegular:
      return "not_regular";
    case TakeFault::kHardLink:
      return "hard_link";
    case TakeFault::kEmpty:
      return "empty";
    case TakeFault::kTooLarge:
      return "too_large";
    case TakeFault::kUnreadable:
      return "unreadable";
  }
  return "";
}

}  // namespace podium::sandbox
