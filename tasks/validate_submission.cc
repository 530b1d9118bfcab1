#include "tasks/validate_submission.h"

#include <fcntl.h>

#include "base/files.h"

namespace podium::tasks {

Result<ShapeReport> ValidateShape(const TaskPackage& task, const fs::path& sample_submission,
                                  std::string_view bytes) {
  UniqueFd fd(::open(sample_submission.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return FailErrno(ErrorCode::kIo, "cannot open " + sample_submission.string(), errno);
  PODIUM_ASSIGN(auto sample, MappedFile::Map(fd.get()));
  PODIUM_ASSIGN(auto ids, IdList::FromCsv(sample.bytes(), task.submission.rules.id_column));
  auto table = ReadSubmission(bytes, task.submission.rules, ids);
  if (!table) {
    std::string reason(FaultText(table.error().fault));
    return ShapeReport{false, reason,
                       "Submission invalid (" + reason + "): " + table.error().detail + "."};
  }
  return ShapeReport{true, "", "Submission is valid."};
}

}  // namespace podium::tasks
