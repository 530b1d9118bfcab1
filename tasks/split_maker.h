#pragma once

#include <filesystem>

#include "base/result.h"
#include "tasks/prepare.h"
#include "tasks/task_package.h"

namespace podium::tasks {

// The file that is written last: the split's digest, and how many rows each held part has.
inline constexpr const char* kSplitMark = "split.json";

// Writes a hidden split of the task into `out` (new): agent/ as the agent sees the task, search/
// and choice/ as tasks of held rows, private/ for the ids, then the mark. Blocks.
[[nodiscard]] Status MakeSplit(const TaskPackage& task, const PreparedTask& prepared,
                               const std::filesystem::path& out);

}  // namespace podium::tasks
