#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "tables/frame/column_builder.h"
#include "tables/frame/frame.h"

namespace podium {

// Bounds for bytes that an agent wrote: passing one is a fault, never a crash.
struct ReadCsvOptions {
  NaWords na = NaWords::kPandas;
  std::size_t max_columns = 1 << 20;
  std::size_t max_cells = std::size_t{1} << 29;  // rows times columns
  // Rows longer than the header make an index, as in pandas; else they are a fault. Rows that are
  // too short are filled with missing cells, or else a fault.
  bool ragged = true;
  bool repeated_names = true;        // a, a.1, as in pandas; else a fault
  std::size_t part_bytes = 4 << 20;  // a thread reads at least so much
  // Columns whose cells stay text as it is written, numbers too (dtype=str).
  std::vector<std::string> text_columns = {};
  ReleaseBytes release = {};
};

// Why bytes are not a table. The code is stable: "parser_error", "not_utf8", "too_many_columns",
// "too_many_cells", "ragged_row", "repeated_column". `detail` names the row or byte and is safe to
// print.
struct ReadFault {
  std::string code;
  std::string detail;
};

// What pandas.read_csv(bytes, float_precision="round_trip") returns, for the C engine of pandas 2.
// No bytes, or blank lines alone, are a frame without columns. Keeps views into `bytes`. Memory is
// bounded by 8 bytes a cell. Large files are read by several threads. One
// difference: pandas infers types in blocks of 2^18 rows or so and mixes Python objects when those
// disagree; here a column has one type.
[[nodiscard]] tl::expected<Frame, ReadFault> ReadPandasCsv(std::string_view bytes,
                                                           const ReadCsvOptions& options = {});

}  // namespace podium
