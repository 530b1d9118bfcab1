#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scoring/fault.h"
#include "scoring/frame/frame.h"

namespace podium::scoring {

// How custom graders pair rows and read cells, in pandas' terms.

// The rows in the order of DataFrame.sort_values(column): missing cells last, equal ones in their
// order.
[[nodiscard]] std::vector<std::size_t> SortedRows(const Column& column);

// Whether two cells are equal as NumPy compares them: numbers by value, text by characters; a
// missing cell equals nothing, and neither does text a number.
[[nodiscard]] bool SameCell(const Column& a, std::size_t row_a, const Column& b, std::size_t row_b);

// Rows of both tables, place by place.
struct RowPairs {
  std::vector<std::size_t> submission;
  std::vector<std::size_t> answers;
};
// Sorts both tables by an id column that both have; ids that differ at any place are kRefused
// "wrong_ids". Both must have equally many rows.
[[nodiscard]] Graded<RowPairs> PairByIds(const Column& submission, const Column& answers);

// Whether the sets of values are equal; a missing value equals nothing.
[[nodiscard]] bool SameValues(const Column& a, const Column& b);

// The column, or kRefused "missing_column" for a submission and kTask for answers.
[[nodiscard]] Graded<const Column*> SubmissionColumn(const Frame& submission,
                                                     std::string_view name);
[[nodiscard]] Graded<const Column*> AnswersColumn(const Frame& answers, std::string_view name);

// kRefused "row_count" unless both have equally many rows.
[[nodiscard]] Graded<void> CheckRowCount(const Frame& submission, const Frame& answers);

// A cell of text: none where the cell is missing or the column holds no text (numbers, bools).
[[nodiscard]] std::optional<std::string_view> TextCell(const Column& column, std::size_t row);
// The same with a missing cell as "" (fillna("")).
[[nodiscard]] std::optional<std::string_view> TextOrEmpty(const Column& column, std::size_t row);

}  // namespace podium::scoring
