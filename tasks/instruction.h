#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "tasks/prepare.h"
#include "tasks/task_package.h"

namespace podium::tasks {

// What an agent is told of a task.
struct Instruction {
  std::string title;
  std::string description;  // Markdown
};

// "default", or one of the package's variants, whose title is its first heading. An error (kConfig)
// names those that there are.
[[nodiscard]] Result<Instruction> InstructionOf(const TaskPackage& task,
                                                const std::string& variant);

// The public folder with another text in the place of description.md, below `cache`; its other
// files are those of `public_dir`. Made once. Blocks.
[[nodiscard]] Result<std::filesystem::path> PublicWith(const std::filesystem::path& public_dir,
                                                       const std::string& description,
                                                       const std::filesystem::path& cache);

}  // namespace podium::tasks
