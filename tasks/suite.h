#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace podium::tasks {

// A named list of tasks. The order is a random permutation drawn once and recorded, so that the
// first k tasks of a suite are a fair sample of it.
struct Suite {
  std::string name;
  std::string title;
  std::int64_t order_seed = 0;
  std::vector<TaskId> tasks;  // in the recorded order
};

// A shipped suite by name (configs/suites/<name>.yaml), or a file by path (anything with a '/' or
// ending in .yaml).
[[nodiscard]] Result<Suite> LoadSuite(std::string_view name_or_path);

// The names of the shipped suites, sorted.
[[nodiscard]] Result<std::vector<std::string>> ListSuites();

}  // namespace podium::tasks
