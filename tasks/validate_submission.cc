#include "tasks/validate_submission.h"

#include <fcntl.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "tables/strict_table.h"
#include "tables/submission_table.h"

namespace podium::tasks {

namespace {

ShapeReport Invalid(std::string reason, const std::string& why) {
  std::string message = "Submission invalid (" + reason + "): " + why + ".";
  return {false, std::move(reason), std::move(message)};
}

// A table as the grader will read it, in either mode; twice the sample's size at most.
tl::expected<Frame, ReadFault> ReadLike(const Frame& sample, std::string_view bytes, bool strict,
                                        std::string& unpacked) {
  std::size_t columns = 2 * sample.columns.size() + 64;
  ReadCsvOptions options = strict ? StrictOptions({}) : ReadCsvOptions();
  options.max_columns = columns;
  options.max_cells = (2 * sample.rows + 1024) * columns;
  if (!strict) return ReadPandasCsv(bytes, options);
  UnpackLimits limits;
  limits.max_bytes = std::min<std::uint64_t>(limits.max_bytes, 64 * options.max_cells);
  limits.free_bytes = std::min(limits.free_bytes, limits.max_bytes);
  auto whole = UnpackStrictly(bytes, limits, unpacked);
  if (!whole) return tl::unexpected(whole.error());
  return ReadPandasCsv(*whole, options);
}

Result<ShapeReport> CompareWithSample(std::string_view sample, std::string_view bytes,
                                      bool strict) {
  auto wanted = ReadPandasCsv(sample, strict ? StrictOptions({}) : ReadCsvOptions());
  if (!wanted)
    return Fail(ErrorCode::kIo, "the sample submission cannot be read: " + wanted.error().detail);
  std::string unpacked;
  auto found = ReadLike(*wanted, bytes, strict, unpacked);
  if (!found) {
    const std::string& why = found.error().detail;
    return Invalid("bad_csv", why.empty() ? "the bytes are not text in UTF-8" : why);
  }
  if (found->rows == 0) return Invalid("empty", "there are no rows");
  for (const Column& column : wanted->columns) {
    if (!found->Has(column.name))
      return Invalid("wrong_columns", "there is no column '" + Printable(column.name) + "'");
  }
  if (found->rows != wanted->rows)
    return Invalid("row_count", std::to_string(found->rows) + " rows, the sample submission has " +
                                    std::to_string(wanted->rows));
  return ShapeReport{true, "", "Submission is valid."};
}

Result<MappedFile> MapSample(const fs::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return FailErrno(ErrorCode::kIo, "cannot open " + path.string(), errno);
  return MappedFile::Map(fd.get());
}

}  // namespace

Result<ShapeReport> ValidateLikeSample(const fs::path& sample_submission, std::string_view bytes,
                                       bool strict) {
  PODIUM_ASSIGN(auto sample, MapSample(sample_submission));
  return CompareWithSample(sample.bytes(), bytes, strict);
}

Result<ShapeReport> ValidateShape(const TaskPackage& task, const fs::path& sample_submission,
                                  std::string_view bytes) {
  if (!task.grader.competition.empty())
    return ValidateLikeSample(sample_submission, bytes, task.grader.mode == "strict");
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
