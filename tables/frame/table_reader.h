#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "tables/frame/column_builder.h"
#include "tables/frame/csv_scanner.h"
#include "tables/frame/frame.h"
#include "tables/frame/read_csv.h"

namespace podium {

// Reads one table, or a part of one, in as many passes as its columns' types take. Lines without
// quotes need no tokenizer. One thread's; `bytes` and `options` must outlive it, and `bytes` the
// columns.
class TableReader {
 public:
  using Cells = std::vector<std::string_view>;
  using Done = tl::expected<void, ReadFault>;

  TableReader(std::string_view bytes, const ReadCsvOptions& options)
      : bytes_(bytes), options_(options) {}

  // A later part of a table whose header is known.
  TableReader(std::string_view bytes, const ReadCsvOptions& options, const Cells& header)
      : bytes_(bytes),
        options_(options),
        later_part_(true),
        header_(header),
        width_(header.size()) {}

  // A fault where the bytes are no table, or end inside a quoted cell.
  [[nodiscard]] Done ReadColumns();
  // `parts` - 1 of about the same size will be appended.
  void ExpectParts(std::size_t parts) { parts_ = parts; }
  // Appends the columns of the next part; false where the types do not go together.
  [[nodiscard]] bool Append(TableReader& next);
  [[nodiscard]] std::size_t cell_count() const { return rows_ * width_; }
  // Once, after ReadColumns.
  [[nodiscard]] Frame Assemble();

 private:
  // Where rows are read: what follows, and the line on which that begins.
  struct Place {
    std::string_view rest;
    std::size_t line = 1;
  };
  Done ReadHeader(CsvScanner& scanner);
  Done ReadBody();
  Done ReadPlainRows(Place& place);
  Done ReadPlainBlock(Place& place, std::string_view block);
  void ReadFirstBlockAgain(Place place, std::string_view block);
  Done ReadRows(const Place& place);
  Done StartColumns(std::size_t line, std::size_t cells, std::size_t lines);
  Done CheckWidth(std::size_t line, std::size_t cells) const;
  Done CheckCells(std::size_t line) const;
  Done Step(CsvScanner& scanner, bool& more);
  Done TooManyColumns(std::size_t line) const;
  void AddRow();
  bool FinishColumns();
  Done NextPass();

  std::string_view bytes_;
  const ReadCsvOptions& options_;
  bool later_part_ = false;
  std::size_t parts_ = 1;  // how many parts will be appended to this one, itself included
  std::shared_ptr<TextBlocks> blocks_ = std::make_shared<TextBlocks>();
  Cells header_;
  std::vector<std::string> header_text_;  // what header_ views once the blocks may go
  Place body_{bytes_, later_part_ ? std::size_t{2} : std::size_t{1}};  // behind the header
  Cells cells_;
  std::size_t width_ = 0;  // cells of a full row
  std::size_t rows_ = 0;
  std::size_t reserved_rows_ = 0;
  std::size_t max_rows_ = 0;
  std::vector<ColumnBuilder> builders_;
  std::vector<std::size_t> targets_;  // the column that each builder makes
  std::vector<Column> columns_;
  std::vector<bool> negative_zeros_;  // of columns_, as of their builders
};

}  // namespace podium
