#pragma once

#include <filesystem>

#include "base/records/grade_request.h"
#include "tasks/prepare.h"
#include "tasks/task_package.h"

namespace podium::tasks {

// What podium-grade is asked of a task's submission.
[[nodiscard]] records::GradeRequest MakeGradeRequest(const TaskPackage& task,
                                                     const PreparedTask& prepared,
                                                     records::HandOver hand_over);

// What the grading process is given as descriptors, besides the request and the submission.
[[nodiscard]] fs::path AnswersPath(const PreparedTask& prepared);
[[nodiscard]] fs::path BoardPath(const PreparedTask& prepared);

}  // namespace podium::tasks
