#pragma once

#include <filesystem>
#include <optional>

#include "base/digest.h"
#include "base/foreign_folder.h"
#include "base/result.h"
#include "tasks/task_package.h"

namespace podium::tasks {

// Where the data of an imported package lie on this machine: the user's word (`podium tasks import
// --data DIR`), kept in the cache under the package's place and never in the package, which may be
// a stranger's and could name any folder of the host.
[[nodiscard]] Status RememberDataFolder(const TaskPackage& task, const fs::path& cache,
                                        const fs::path& data);

// The package's own folder data/, else what was remembered for it. An error says what to do when
// there is neither.
[[nodiscard]] Result<ForeignFolder> OpenDataFolder(const TaskPackage& task, const fs::path& cache);

}  // namespace podium::tasks
