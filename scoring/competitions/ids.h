#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "tables/fault.h"
#include "tables/frame/frame.h"

namespace podium::scoring {

// Row ids as Python compares them: numbers with numbers, text with text, missing with nothing.

// The rows in ascending order of their id, missing ones last; equal ids keep their order.
[[nodiscard]] std::vector<RowIndex> RowsById(const Column& ids);

// Whether both columns hold the same ids row by row. `release`: ReadCsvOptions', for text that has
// been compared.
[[nodiscard]] bool SameRowByRow(const Column& a, const Column& b, const ReleaseBytes& release = {});

enum class IdMatch { kSame, kDiffer, kOtherLength };
// `(sorted(a) != sorted(b)).any()`: kOtherLength where NumPy could not compare them.
[[nodiscard]] IdMatch CompareSorted(const Column& submission, const Column& answers);

// set(a) == set(b); set(a) >= set(b).
[[nodiscard]] bool SameSet(const Column& a, const Column& b);
[[nodiscard]] bool Covers(const Column& a, const Column& b);
[[nodiscard]] bool HasDuplicates(const Column& ids);

// Rows of both tables that are graded against each other.
struct RowPairs {
  std::vector<RowIndex> submission;
  std::vector<RowIndex> answers;
};
// All pairs of equal ids, in the order of the answers, then of the submission (pandas' merge).
[[nodiscard]] RowPairs MergeRows(const Column& submission, const Column& answers);

}  // namespace podium::scoring
