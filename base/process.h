#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace podium {

// A program of the host (runc, apt-get, podium-grade), never of an agent.
struct ProcessSpec {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH unless it holds a '/'
  std::optional<std::vector<std::pair<std::string, std::string>>>
      env;                    // replaces the environment when given
  std::filesystem::path cwd;  // empty: this process's
  std::vector<std::pair<int, int>>
      pass_fds;  // {number in the child, descriptor here}; all others are close-on-exec
  std::size_t output_cap_bytes =
      1 << 20;       // each of stdout and stderr keeps its last bytes up to this
  int stop_fd = -1;  // once this is readable it is killed as at the deadline
};

struct ProcessResult {
  int exit_code = -1;  // when it exited; -1 when a signal ended it
  int signal = 0;
  bool timed_out = false;  // the deadline passed and it was killed
  std::string out;
  std::string err;
  [[nodiscard]] bool ok() const { return exit_code == 0 && !timed_out; }
};

// Runs a program to its end (blocking: call it on a pool thread inside coroutines). Its process
// group is killed at the deadline.
[[nodiscard]] Result<ProcessResult> RunProcess(const ProcessSpec& spec, Deadline deadline);

// RunProcess, where any exit but 0 is an error that shows the command and the end of its standard
// error.
[[nodiscard]] Result<std::string> RunTool(const ProcessSpec& spec, Deadline deadline);

// The path of a program found through PATH and the system's sbin folders, or empty.
[[nodiscard]] std::filesystem::path FindProgram(std::string_view name);

}  // namespace podium
