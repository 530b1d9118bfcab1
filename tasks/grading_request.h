#pragma once

#include <filesystem>
#include <string>

#include "tasks/prepare.h"
#include "tasks/task_package.h"

namespace podium::tasks {

// How the submission came out of the sandbox.
struct Handover {
  enum class Status {
    kOk,       // its bytes are on the submission descriptor
    kMissing,  // the agent wrote none
    kInvalid,  // something lay there that is not graded: a link, a pipe, an oversized file
  };
  Status status = Status::kOk;
  std::string
      reason;  // for kInvalid: symlink, not_regular, hard_link, empty, too_large, unreadable
  std::string detail;
};

// The request that podium-grade reads: "podium-grade-request/1". Holds no path and no time, so that
// equal requests are equal bytes.
[[nodiscard]] std::string GradeRequestJson(const TaskPackage& task, const PreparedTask& prepared,
                                           const Handover& handover);

// What the grading process is given as descriptors, besides the request and the submission.
[[nodiscard]] fs::path AnswersPath(const PreparedTask& prepared);
[[nodiscard]] fs::path BoardPath(const PreparedTask& prepared);

}  // namespace podium::tasks
