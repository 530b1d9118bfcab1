#include "tables/numbers.h"

#include <cmath>

#include "base/text.h"
#include "tables/frame/parse_number.h"

namespace podium {

tl::unexpected<Fault> BadCell(const Column& column, Side side, std::size_t row, std::string code,
                              const std::string& what) {
  std::string detail =
      "column '" + Printable(column.name) + "', row " + std::to_string(row + 1) + ": " + what;
  return side == Side::kAnswers ? TaskFault("bad_answers", "the answers, " + detail)
                                : Raised(std::move(code), std::move(detail));
}

bool CellNumber(const Column& column, std::size_t row, double& out) {
  if (column.dtype != DType::kObject) {
    out = column.number(row);
    return true;
  }
  std::string_view cell = column.cells[row];
  if (IsMissing(cell)) {
    out = std::nan("");
    return true;
  }
  if (column.python_bools) {
    out = ParsePandasBool(cell);
    return true;
  }
  return ParsePandasDouble(cell, out);
}

Graded<NumberView> AnyNumbers(const Column& column, Side side) {
  if (column.dtype == DType::kFloat64) return NumberView(std::span<const double>(column.floats));
  if (column.numeric()) return NumberView(column.Numbers());
  std::vector<double> out(column.size());
  for (std::size_t row = 0; row < out.size(); ++row) {
    if (!CellNumber(column, row, out[row]))
      return BadCell(column, side, row, "not_a_number",
                     "'" + Printable(column.cells[row].substr(0, 60)) + "' is not a number");
  }
  return NumberView(std::move(out));
}

Graded<NumberView> FiniteNumbers(const Column& column, Side side) {
  GRADED_ASSIGN(auto values, AnyNumbers(column, side));
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (!std::isfinite(values[row]))
      return BadCell(column, side, row, std::isnan(values[row]) ? "missing_value" : "not_finite",
                     "not a finite number");
  }
  return values;
}

Graded<NumberView> FiniteNumbers(Column&& column, Side side) {
  GRADED_ASSIGN(auto values, FiniteNumbers(static_cast<const Column&>(column), side));
  return NumberView(std::vector<double>(values.begin(), values.end()));
}

}  // namespace podium
