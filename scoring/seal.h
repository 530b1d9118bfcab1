#pragma once

#include <functional>

#include "base/result.h"

namespace podium::scoring {

// What podium-grade ends with where it is not the request or the submission that failed, but this
// host: a limit too low, no memory, no seal. The same grading may succeed elsewhere or later.
inline constexpr int kHostExit = 3;

// Runs `body` in a child that can do nothing but compute, write to the descriptors it holds and
// end: a user without any privilege, namespaces of its own (user, mount, network, ipc, uts, pid,
// control groups) where the host gives them, 16 GiB of memory and 25 minutes of CPU or less where
// hard limits are lower, and no system call beside those that are named. Returns what this process
// is to end with: what `body` returned, kHostExit, or 128 and the signal that ended the child.
// Called while there is one thread.
[[nodiscard]] int RunSealed(const std::function<int()>& body);

// The last part of it, for this process: no system call from here on but those that are named.
// Others fail with EPERM (clone3 with ENOSYS, after which libraries take clone).
[[nodiscard]] Status NameTheCalls();

}  // namespace podium::scoring
