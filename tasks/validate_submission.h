#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tasks/task_package.h"

namespace podium::tasks {

struct ShapeReport {
  bool valid = false;
  std::string reason;   // empty when valid, else a fixed code (FaultText)
  std::string message;  // one sentence for the agent
};

// Checks the bytes of a submission against the task's rules and the sample submission's ids. Knows
// no answers, so nothing it says can hint at one. An Error only when the sample itself cannot be
// read.
[[nodiscard]] Result<ShapeReport> ValidateShape(const TaskPackage& task,
                                                const fs::path& sample_submission,
                                                std::string_view bytes);

// For a competition whose own specification knows the columns: those of the sample submission, and
// as many rows, read as the grader does in strict mode or in compat.
[[nodiscard]] Result<ShapeReport> ValidateLikeSample(const fs::path& sample_submission,
                                                     std::string_view bytes, bool strict);

}  // namespace podium::tasks
