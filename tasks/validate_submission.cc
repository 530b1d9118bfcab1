#include "tasks/validate_submission.h"

#include <fcntl.h>

#include <algorithm>

#include "base/csv.h"
#include "base/files.h"
#include "base/text.h"

namespace podium::tasks {

namespace {

// What a table of cells may look like: its header and its number of rows.
struct Shape {
  std::vector<std::string> columns;
  std::size_t rows = 0;
};

Result<Shape> ShapeOf(std::string_view csv) {
  Shape shape;
  CsvReader reader(csv);
  std::vector<std::string_view> cells;
  PODIUM_ASSIGN(bool any, reader.Next(cells));
  if (!any) return shape;
  shape.columns.assign(cells.begin(), cells.end());
  for (;; ++shape.rows) {
    PODIUM_ASSIGN(bool more, reader.Next(cells));
    if (!more) return shape;
  }
}

ShapeReport Invalid(std::string reason, const std::string& why) {
  std::string message = "Submission invalid (" + reason + "): " + why + ".";
  return {false, std::move(reason), std::move(message)};
}

Result<ShapeReport> CompareWithSample(std::string_view sample, std::string_view bytes) {
  PODIUM_ASSIGN(auto wanted, ShapeOf(sample));
  auto found = ShapeOf(bytes);
  if (!found) return Invalid("bad_csv", Printable(found.error().message));
  if (found->rows == 0) return Invalid("empty", "there are no rows");
  for (const auto& column : wanted.columns) {
    if (std::ranges::find(found->columns, column) == found->columns.end())
      return Invalid("wrong_columns", "there is no column '" + Printable(column) + "'");
  }
  if (found->rows != wanted.rows)
    return Invalid("row_count", std::to_string(found->rows) + " rows, the sample submission has " +
                                    std::to_string(wanted.rows));
  return ShapeReport{true, "", "Submission is valid."};
}

Result<MappedFile> MapSample(const fs::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return FailErrno(ErrorCode::kIo, "cannot open " + path.string(), errno);
  return MappedFile::Map(fd.get());
}

}  // namespace

Result<ShapeReport> ValidateLikeSample(const fs::path& sample_submission, std::string_view bytes) {
  PODIUM_ASSIGN(auto sample, MapSample(sample_submission));
  return CompareWithSample(sample.bytes(), bytes);
}

Result<ShapeReport> ValidateShape(const TaskPackage& task, const fs::path& sample_submission,
                                  std::string_view bytes) {
  if (!task.grader.competition.empty()) return ValidateLikeSample(sample_submission, bytes);
  PODIUM_ASSIGN(auto sample, MapSample(sample_submission));
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
