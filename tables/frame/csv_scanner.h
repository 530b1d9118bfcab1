#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace podium {

// Text that could not stay a view into the input (doubled quotes undone), in blocks that never
// move.
using TextBlocks = std::vector<std::unique_ptr<std::string>>;

// Splits bytes into rows and cells as the tokenizer of pandas' C engine does
// (pandas/_libs/src/parser/tokenizer.c): quotes count only at the start of a cell, text behind a
// closing quote is appended, LF, CRLF and CR end a row, blank and blank-only lines are skipped, a
// cell ends at a NUL byte. One pass; cells are views into the input or into `blocks`.
class CsvScanner {
 public:
  enum class Step { kRow, kEnd, kOpenQuote, kTooManyCells };

  // `line` is that of the first byte; a byte-order mark is skipped in line 1 alone.
  CsvScanner(std::string_view bytes, std::size_t max_cells_a_row, TextBlocks& blocks,
             std::size_t line = 1);

  // Looks once for NUL bytes, so that cells need not be searched for them.
  void LookForNul();

  // Reads the next row into `cells`; the views stay valid as long as the input and the blocks.
  [[nodiscard]] Step Next(std::vector<std::string_view>& cells);

  // 1-based line on which the row last read began.
  [[nodiscard]] std::size_t line() const { return row_line_; }
  // What follows the row last read, and the line on which that begins.
  [[nodiscard]] std::string_view rest() const { return {p_, static_cast<std::size_t>(end_ - p_)}; }
  [[nodiscard]] std::size_t next_line() const { return next_line_; }

 private:
  bool SkipBlankLines();
  bool QuotedCell(std::string_view& cell);
  void EndLine();
  std::string& BlockWithRoom(std::size_t bytes);

  const char* p_;
  const char* end_;
  std::size_t max_cells_;
  TextBlocks* blocks_;
  bool has_nul_ = true;  // may have
  std::size_t next_line_;
  std::size_t row_line_ = 0;
};

}  // namespace podium
