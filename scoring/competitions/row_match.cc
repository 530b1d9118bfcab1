#include "scoring/competitions/row_match.h"

#include <numeric>
#include <string>

#include "base/text.h"

namespace podium::scoring {
namespace {

bool HoldsText(const Column& column) {
  return column.dtype == DType::kObject && !column.python_bools;
}

RowPairs AsTheyLie(std::size_t rows) {
  RowPairs pairs;
  pairs.submission.resize(rows);
  std::iota(pairs.submission.begin(), pairs.submission.end(), RowIndex{0});
  pairs.answers = pairs.submission;
  return pairs;
}

}  // namespace

Graded<const Column*> SubmissionColumn(const Frame& submission, std::string_view name) {
  if (const Column* column = submission.Find(name)) return column;
  return Refused("missing_column", "there is no column '" + std::string(name) + "'");
}

Graded<const Column*> AnswersColumn(const Frame& answers, std::string_view name) {
  if (const Column* column = answers.Find(name)) return column;
  return TaskFault("bad_answers", "the answers have no column '" + std::string(name) + "'");
}

Graded<void> CheckRowCount(const CustomInput& in) {
  if (in.submission.rows == in.answers.rows) return {};
  return Refused("row_count", std::to_string(in.submission.rows) + " rows, the answers have " +
                                  std::to_string(in.answers.rows));
}

Graded<RowPairs> PairByIds(const CustomInput& in, std::string_view id) {
  GRADED_ASSIGN(const Column* mine, SubmissionColumn(in.submission, id));
  GRADED_ASSIGN(const Column* theirs, AnswersColumn(in.answers, id));
  if (in.strict) return AsTheyLie(in.answers.rows);
  if (CompareSorted(*mine, *theirs) != IdMatch::kSame)
    return Refused("wrong_ids", "the values of '" + std::string(id) + "' are not the answers'");
  return RowPairs{RowsById(*mine), RowsById(*theirs)};
}

bool SameCell(const Column& a, std::size_t row_a, const Column& b, std::size_t row_b) {
  if (a.missing(row_a) || b.missing(row_b)) return false;
  if (a.dtype == DType::kInt64 && b.dtype == DType::kInt64) return a.ints[row_a] == b.ints[row_b];
  if (a.numeric() && b.numeric()) return a.number(row_a) == b.number(row_b);
  return HoldsText(a) && HoldsText(b) && a.cells[row_a] == b.cells[row_b];
}

std::optional<std::string_view> TextCell(const Column& column, std::size_t row) {
  if (column.missing(row) || !HoldsText(column)) return std::nullopt;
  return column.cells[row];
}

std::optional<std::string_view> TextOrEmpty(const Column& column, std::size_t row) {
  if (column.missing(row)) return "";
  return TextCell(column, row);
}

}  // namespace podium::scoring
