#pragma once

#include <functional>

#include "sandbox/spec.h"

namespace podium::sandbox {

// What was seen while a command ran.
struct ExecSigns {
  bool timed_out = false;  // it was told of its end, or killed at it
  bool oom = false;        // the kernel killed for memory
  bool refused = false;    // a fork was refused
  bool locks = false;      // it held more locks than it may
};

// Says in `result` how a command ended whose leader had this wait status. `disk_full` is asked only
// where that may be the cause.
void Classify(ExecResult& result, int status, const ExecSigns& seen,
              const std::function<bool()>& disk_full);

// The same where podium-init went with it.
void ClassifyGone(ExecResult& result, const ExecSigns& seen);

}  // namespace podium::sandbox
