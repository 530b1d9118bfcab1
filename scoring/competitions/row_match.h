#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "scoring/competitions/custom.h"
#include "scoring/competitions/ids.h"
#include "tables/fault.h"

namespace podium::scoring {

// How custom graders find columns, pair rows and read cells.

// The column, or kRefused "missing_column" for a submission and kTask for answers.
[[nodiscard]] Graded<const Column*> SubmissionColumn(const Frame& submission,
                                                     std::string_view name);
[[nodiscard]] Graded<const Column*> AnswersColumn(const Frame& answers, std::string_view name);

// kRefused "row_count" unless both have equally many rows.
[[nodiscard]] Graded<void> CheckRowCount(const CustomInput& in);

// Rows of both tables, place by place, sorted by a column that both have; ids that differ at any
// place are kRefused "wrong_ids". In strict mode rows were matched before and stay as they are.
[[nodiscard]] Graded<RowPairs> PairByIds(const CustomInput& in, std::string_view id);

// Whether two cells are equal as NumPy compares them: numbers by value, text by characters; a
// missing cell equals nothing, and neither does text a number.
[[nodiscard]] bool SameCell(const Column& a, std::size_t row_a, const Column& b, std::size_t row_b);

// A cell of text: none where the cell is missing or the column holds no text (numbers, bools).
[[nodiscard]] std::optional<std::string_view> TextCell(const Column& column, std::size_t row);
// The same with a missing cell as "" (fillna("")).
[[nodiscard]] std::optional<std::string_view> TextOrEmpty(const Column& column, std::size_t row);

}  // namespace podium::scoring
