#include "tables/frame/read_csv.h"

#include <deque>
#include <future>
#include <optional>
#include <system_error>
#include <utility>

#include "tables/frame/csv_scanner.h"
#include "tables/frame/table_parts.h"
#include "tables/frame/table_reader.h"
#include "tables/frame/utf8.h"

namespace podium {
namespace {

using Cells = TableReader::Cells;

// The header, where the first row is as long; else nothing.
Cells PlainHeader(std::string_view bytes, const ReadCsvOptions& options) {
  TextBlocks blocks;
  CsvScanner scanner(bytes, options.max_columns, blocks);
  Cells header;
  Cells row;
  bool good = scanner.Next(header) == CsvScanner::Step::kRow &&
              scanner.Next(row) == CsvScanner::Step::kRow && row.size() == header.size() &&
              blocks.empty();
  return good ? header : Cells();
}

// The table, or nothing where one thread must read it: for its faults, for columns whose type
// shows only in the whole, and where a cut lies inside a quoted cell. What the first part reads to
// its end without a fault is what one thread would have read so far, so the second begins where a
// row does, and so on.
std::optional<Frame> ReadInParts(std::string_view bytes, const ReadCsvOptions& options) {
  auto parts = TableParts(bytes, options);
  if (parts.empty()) return std::nullopt;
  Cells header = PlainHeader(parts[0], options);
  if (header.empty()) return std::nullopt;
  TableReader first(parts[0], options);
  first.ExpectParts(parts.size());
  std::deque<TableReader> others;
  std::vector<std::future<TableReader::Done>> reading;
  try {
    for (std::size_t i = 1; i < parts.size(); ++i) {
      TableReader& other = others.emplace_back(parts[i], options, header);
      other.ExpectParts(1);
      reading.push_back(std::async(std::launch::async, [&other] { return other.ReadColumns(); }));
    }
  } catch (const std::system_error&) {
    for (auto& part : reading) part.wait();
    return std::nullopt;
  }
  bool good = first.ReadColumns().has_value();
  for (auto& part : reading) good &= part.get().has_value();
  for (TableReader& other : others) good = good && first.Append(other);
  if (!good || first.cell_count() > options.max_cells) return std::nullopt;
  return first.Assemble();
}

}  // namespace

tl::expected<Frame, ReadFault> ReadPandasCsv(std::string_view bytes,
                                             const ReadCsvOptions& options) {
  if (auto frame = ReadInParts(bytes, options)) return std::move(*frame);
  TableReader reader(bytes, options);
  auto done = reader.ReadColumns();
  if (done) return reader.Assemble();
  // Bytes that are not text have no other fault.
  std::size_t bad = FirstBadUtf8(bytes);
  if (bad != bytes.size())
    return tl::unexpected(ReadFault{"not_utf8", "byte " + std::to_string(bad) + " is not UTF-8"});
  return tl::unexpected(done.error());
}

}  // namespace podium
