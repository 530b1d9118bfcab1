#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/records/grade_request.h"
#include "base/result.h"
#include "tables/frame/frame.h"

namespace podium {

using records::ColumnRule;
using records::SubmissionRules;

// Why a submission cannot be scored. The text of each is stable (verdicts, the validation
// endpoint).
enum class ShapeFault {
  kEmpty,         // "empty": no bytes, or a header alone
  kBadCsv,        // "bad_csv": not comma-separated values, a NUL byte, a row of another length
  kWrongColumns,  // "wrong_columns"
  kBadId,         // "bad_id": an empty id
  kDuplicateId,   // "duplicate_id"
  kMissingIds,    // "missing_ids"
  kExtraIds,      // "extra_ids": an id that the sample submission does not have
  kNotANumber,    // "not_a_number": text or an empty cell where a number belongs
  kNotFinite,     // "not_finite": NaN or infinity
  kOutOfRange,    // "out_of_range": outside [min, max], or a fraction where a whole number belongs
};
std::string_view FaultText(ShapeFault fault);

// An outcome, not an Error: a benchmark reports it. `detail` names the row and column, and is safe
// to print.
struct ShapeRejection {
  ShapeFault fault{};
  std::string detail;
};

// The ids that a submission must have, each once. Keeps views into the bytes that it was made from.
class IdList {
 public:
  // Reads `column` of a CSV that Podium wrote (sample submission or answers).
  [[nodiscard]] static Result<IdList> FromCsv(std::string_view csv, std::string_view column);

  [[nodiscard]] std::size_t size() const { return table_->rows; }
  [[nodiscard]] const Frame& table() const { return *table_; }
  [[nodiscard]] std::string_view csv() const { return csv_; }

 private:
  IdList(std::shared_ptr<const Frame> table, std::string_view csv)
      : table_(std::move(table)), csv_(csv) {}
  std::shared_ptr<const Frame> table_;
  std::string_view csv_;
};

// Reads a submission under its rules, as strict mode reads one of a competition (strict_table.h):
// the columns of the rules as doubles, in their order, rows in the order of the ids. Packed files
// are unpacked. Memory is bounded by the expected table whatever the bytes are. `release` as in
// ReadCsvOptions.
[[nodiscard]] tl::expected<Frame, ShapeRejection> ReadSubmission(
    std::string_view bytes, const SubmissionRules& rules, const IdList& ids,
    const std::function<void(std::string_view)>& release = {});

}  // namespace podium
