#include "scoring/metrics/row_match.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <string>

#include "base/text.h"

namespace podium::scoring {
namespace {

bool HoldsText(const Column& column) {
  return column.dtype == DType::kObject && !column.python_bools;
}

bool Before(const Column& column, std::size_t a, std::size_t b) {
  bool missing_a = column.missing(a);
  bool missing_b = column.missing(b);
  if (missing_a || missing_b) return !missing_a && missing_b;
  if (column.dtype == DType::kObject) return column.cells[a] < column.cells[b];
  if (column.dtype == DType::kInt64) return column.ints[a] < column.ints[b];
  return column.number(a) < column.number(b);
}

// A value that sets can hold: its kind and its text.
std::string SetKey(const Column& column, std::size_t row) {
  if (column.dtype == DType::kInt64) return "n" + std::to_string(column.ints[row]);
  if (column.numeric()) {
    double value = column.number(row);
    bool whole = value >= -9e15 && value <= 9e15 &&
                 value == static_cast<double>(static_cast<std::int64_t>(value));
    return "n" + (whole ? std::to_string(static_cast<std::int64_t>(value)) : PythonFloat(value));
  }
  return (column.python_bools ? "b" : "t") + std::string(column.cells[row]);
}

// None if a cell is missing: it equals no other.
std::optional<std::set<std::string>> ValueSet(const Column& column) {
  std::set<std::string> out;
  for (std::size_t row = 0; row < column.size(); ++row) {
    if (column.missing(row)) return std::nullopt;
    out.insert(SetKey(column, row));
  }
  return out;
}

}  // namespace

std::vector<std::size_t> SortedRows(const Column& column) {
  std::vector<std::size_t> rows(column.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  std::ranges::stable_sort(rows,
                           [&](std::size_t a, std::size_t b) { return Before(column, a, b); });
  return rows;
}

bool SameCell(const Column& a, std::size_t row_a, const Column& b, std::size_t row_b) {
  if (a.missing(row_a) || b.missing(row_b)) return false;
  if (a.dtype == DType::kInt64 && b.dtype == DType::kInt64) return a.ints[row_a] == b.ints[row_b];
  if (a.numeric() && b.numeric()) return a.number(row_a) == b.number(row_b);
  return HoldsText(a) && HoldsText(b) && a.cells[row_a] == b.cells[row_b];
}

Graded<RowPairs> PairByIds(const Column& submission, const Column& answers) {
  RowPairs pairs{SortedRows(submission), SortedRows(answers)};
  for (std::size_t i = 0; i < pairs.answers.size(); ++i) {
    if (SameCell(submission, pairs.submission[i], answers, pairs.answers[i])) continue;
    return Refused("wrong_ids", "the ids are not those of the answers: '" +
                                    Printable(submission.Str(pairs.submission[i]).substr(0, 60)) +
                                    "' is unexpected, repeated or in place of a missing one");
  }
  return pairs;
}

bool SameValues(const Column& a, const Column& b) {
  auto values_a = ValueSet(a);
  return values_a && values_a == ValueSet(b);
}

Graded<const Column*> SubmissionColumn(const Frame& submission, std::string_view name) {
  if (const Column* column = submission.Find(name)) return column;
  return Refused("missing_column", "the submission has no column '" + std::string(name) + "'");
}

Graded<const Column*> AnswersColumn(const Frame& answers, std::string_view name) {
  if (const Column* column = answers.Find(name)) return column;
  return TaskFault("bad_answers", "the answers have no column '" + std::string(name) + "'");
}

Graded<void> CheckRowCount(const Frame& submission, const Frame& answers) {
  if (submission.rows == answers.rows) return {};
  return Refused("row_count", std::to_string(submission.rows) + " rows, the answers have " +
                                  std::to_string(answers.rows));
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
