#pragma once

#include <filesystem>

#include "base/result.h"
#include "tasks/task_package.h"

namespace podium::tasks {

// Whether a task's board can be ranked on, read as the grader will read it: a board that cannot be
// read, is not the whole one, or (strict) has one score throughout is an Error of kConfig that
// names the file and the line. `board` is PreparedTask's board_file, or the package's own file; an
// empty path is a task with medal lines alone. A board's faults are the task author's: they are
// found when a task is pinned or shown, and at the latest before a run's first trial.
[[nodiscard]] Status CheckBoard(const TaskPackage& task, const fs::path& board);

// The same for the board that a package ships; nothing to check where preparation makes it.
[[nodiscard]] Status CheckShippedBoard(const TaskPackage& task);

}  // namespace podium::tasks
