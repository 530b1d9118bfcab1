#include "tables/take_rows.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "tables/row_ranges.h"

namespace podium {
namespace {

constexpr std::size_t kWorthAThread = 1 << 17;  // cells

// A column's doubles go where those of the one before it were: memory of its own would cost as much
// as the picking.
void TakeColumn(Column& column, std::span<const RowIndex> rows, std::vector<double>& spare) {
  if (column.dtype != DType::kFloat64) {
    column = column.Take(rows);
    return;
  }
  spare.resize(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) spare[i] = column.floats[rows[i]];
  std::swap(column.floats, spare);
}

}  // namespace

void TakeRows(Frame& frame, std::span<const RowIndex> rows) {
  std::size_t columns_worth_a_thread = 1 + kWorthAThread / (rows.size() + 1);
  (void)InRowRanges(frame.columns.size(), columns_worth_a_thread,
                    [&](RowRange columns) -> Graded<void> {
                      std::vector<double> spare;
                      for (std::size_t i = columns.begin; i < columns.end; ++i)
                        TakeColumn(frame.columns[i], rows, spare);
                      return {};
                    });  // picking has no faults
  frame.rows = rows.size();
}

}  // namespace podium
