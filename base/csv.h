#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace podium {

// Bounds for bytes that an agent or a download wrote. Passing one is an error, never a crash.
struct CsvLimits {
  std::size_t max_columns = 100'000;
  std::size_t max_cell_bytes = 16 << 20;
};

// Reads RFC 4180 comma-separated values from memory, row by row: quoted cells with doubled quotes
// and newlines inside, LF or CRLF ends, an optional UTF-8 byte-order mark, a last line without end.
// Blank lines are skipped, as pandas does.
class CsvReader {
 public:
  explicit CsvReader(std::string_view bytes, CsvLimits limits = {});

  // Fills `cells` with views valid until the next call; false at the end.
  [[nodiscard]] Result<bool> Next(std::vector<std::string_view>& cells);

  // 1-based number of the line on which the row last read began.
  [[nodiscard]] std::size_t line() const { return row_line_; }

 private:
  [[nodiscard]] Result<std::string_view> QuotedCell();
  std::string_view PlainCell();
  [[nodiscard]] tl::unexpected<Error> TooLarge() const;

  std::string_view rest_;
  CsvLimits limits_;
  std::size_t next_line_ = 1;
  std::size_t row_line_ = 0;
  std::deque<std::string> unquoted_;  // cells whose doubled quotes were undone
};

// One cell as RFC 4180 writes it: quoted when it holds a comma, quote or newline.
std::string CsvCell(std::string_view value);

}  // namespace podium
