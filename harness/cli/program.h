#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "harness/cli/cli.h"

namespace podium::harness {

// Verbs that one function adds to a program.
struct VerbGroup {
  std::vector<std::string_view> verbs;
  std::function<void(CLI::App&, Exit&)> add;
};

// All of a program's main: reads the command line, runs the verb, returns the exit code. Both
// programs are `podium` to whoever reads their help and messages.
[[nodiscard]] int RunProgram(int argc, char** argv, std::span<const VerbGroup> groups);

}  // namespace podium::harness
