#include "tables/submission_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <unordered_map>

#include "base/text.h"
#include "tables/frame/csv_scanner.h"
#include "tables/numbers.h"
#include "tables/strict_table.h"

namespace podium {
namespace {

std::string Quoted(std::string_view text) {
  return "'" + Printable(text.substr(0, 60)) + (text.size() > 60 ? "...'" : "'");
}

tl::unexpected<ShapeRejection> Reject(ShapeFault fault, std::string detail) {
  return tl::unexpected(ShapeRejection{fault, std::move(detail)});
}

using Shape = tl::expected<void, ShapeRejection>;

std::string ColumnsInWords(const SubmissionRules& rules) {
  std::string out = rules.id_column + "," + rules.columns.front().name;
  if (rules.columns.size() > 2) out += ",...";
  if (rules.columns.size() > 1) out += "," + rules.columns.back().name;
  return out + " (" + std::to_string(rules.columns.size() + 1) + " columns)";
}

// Exactly the columns of the rules, each once, in any order.
Shape CheckHeader(const std::vector<std::string_view>& header, const SubmissionRules& rules) {
  std::unordered_map<std::string_view, std::size_t> seen = {{rules.id_column, 0}};
  for (const ColumnRule& rule : rules.columns) seen.emplace(rule.name, 0);
  for (std::string_view name : header) {
    auto found = seen.find(name);
    if (found == seen.end())
      return Reject(
          ShapeFault::kWrongColumns,
          "column " + Quoted(name) + " is not expected; expected " + ColumnsInWords(rules));
    if (found->second++ > 0)
      return Reject(ShapeFault::kWrongColumns, "column " + Quoted(name) + " is there twice");
  }
  auto need = [&](const std::string& name) -> Shape {
    if (seen[name] > 0) return {};
    return Reject(ShapeFault::kWrongColumns,
                  "column " + Quoted(name) + " is missing; expected " + ColumnsInWords(rules));
  };
  if (auto there = need(rules.id_column); !there) return there;
  for (const ColumnRule& rule : rules.columns) {
    if (auto there = need(rule.name); !there) return there;
  }
  return {};
}

// What is looked at before the table is read: NUL bytes and the header.
Shape CheckHead(std::string_view text, const SubmissionRules& rules) {
  if (text.empty()) return Reject(ShapeFault::kEmpty, "the file has no bytes");
  if (const void* nul = std::memchr(text.data(), 0, text.size())) {
    auto at = static_cast<const char*>(nul) - text.data();
    return Reject(ShapeFault::kBadCsv,
                  "byte " + std::to_string(at) + " is NUL: not a text file in UTF-8");
  }
  TextBlocks blocks;
  CsvScanner scanner(text, rules.columns.size() + 1, blocks);
  std::vector<std::string_view> header;
  switch (scanner.Next(header)) {
    case CsvScanner::Step::kRow:
      return CheckHeader(header, rules);
    case CsvScanner::Step::kEnd:
      return Reject(ShapeFault::kEmpty, "the file has blank lines only");
    case CsvScanner::Step::kOpenQuote:
      return Reject(ShapeFault::kBadCsv, "a quoted cell of the header is not closed");
    case CsvScanner::Step::kTooManyCells:
      break;
  }
  return Reject(ShapeFault::kWrongColumns, "line " + std::to_string(scanner.line()) +
                                               ": more than " +
                                               std::to_string(rules.columns.size() + 1) +
                                               " columns; expected " + ColumnsInWords(rules));
}

tl::unexpected<ShapeRejection> RejectRead(const ReadFault& fault) {
  if (fault.code == "repeated_column") return Reject(ShapeFault::kWrongColumns, fault.detail);
  if (fault.code == "too_many_cells")
    return Reject(ShapeFault::kExtraIds, fault.detail + ": many more rows than there are ids");
  bool bare = fault.detail.empty();
  return Reject(ShapeFault::kBadCsv, bare ? "the bytes are not text in UTF-8" : fault.detail);
}

// A cell that is no number may be one that is not finite: "nan", or beyond the largest double.
bool IsNotFinite(std::string_view cell) {
  cell = Trim(cell);
  if (cell.starts_with('+')) cell.remove_prefix(1);
  double value = 0;
  auto [end, ec] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  bool whole = end == cell.data() + cell.size() && !cell.empty();
  return whole && (ec == std::errc::result_out_of_range || !std::isfinite(value));
}

// The reasons of strict mode as those of an own task.
ShapeFault FaultOf(const StrictFault& fault) {
  static constexpr std::pair<std::string_view, ShapeFault> kFaults[] = {
      {"empty", ShapeFault::kEmpty},
      {"missing_column", ShapeFault::kWrongColumns},
      {"bad_id", ShapeFault::kBadId},
      {"duplicate_id", ShapeFault::kDuplicateId},
      {"missing_ids", ShapeFault::kMissingIds},
      {"extra_ids", ShapeFault::kExtraIds},
      {"missing_value", ShapeFault::kNotANumber},
      {"not_a_number", ShapeFault::kNotANumber},
      {"not_finite", ShapeFault::kNotFinite},
      {"out_of_range", ShapeFault::kOutOfRange}};
  if (fault.code == "not_a_number" && fault.cell && IsNotFinite(*fault.cell))
    return ShapeFault::kNotFinite;
  auto found =
      std::ranges::find(kFaults, fault.code, &std::pair<std::string_view, ShapeFault>::first);
  return found == std::end(kFaults) ? ShapeFault::kBadCsv : found->second;
}

StrictRules RulesOf(const SubmissionRules& rules) {
  StrictRules out;
  out.id_columns = {rules.id_column};
  for (const ColumnRule& rule : rules.columns)
    out.columns.push_back(
        {rule.name, StrictColumn::Type::kNumber, rule.min, rule.max, rule.integer});
  return out;
}

// What a file of so many rows and columns may need: twice the rows, and 64 bytes a cell when
// unpacked.
ReadCsvOptions Bounded(ReadCsvOptions options, std::size_t rows, std::size_t columns) {
  options.max_columns = columns;
  options.max_cells = (2 * rows + 1024) * columns;
  return options;
}

UnpackLimits UnpackBounds(std::size_t rows, std::size_t columns, std::size_t sample_bytes) {
  UnpackLimits limits;
  std::uint64_t most = 4 * sample_bytes + (2 * rows + 1024) * columns * 64;
  limits.max_bytes = std::min(limits.max_bytes, most);
  limits.free_bytes = std::min(limits.free_bytes, limits.max_bytes);
  return limits;
}

// The columns of the rules alone, as doubles, in their order.
Frame Numbers(Frame table, const SubmissionRules& rules) {
  Frame out;
  out.rows = table.rows;
  for (const ColumnRule& rule : rules.columns) {
    auto column = std::ranges::find(table.columns, rule.name, &Column::name);
    Column number{.name = rule.name, .dtype = DType::kFloat64};
    number.floats.resize(table.rows);
    for (std::size_t row = 0; row < table.rows; ++row) {
      (void)CellNumber(*column, row, number.floats[row]);  // every cell was a number when checked
    }
    *column = {};
    out.columns.push_back(std::move(number));
  }
  return out;
}

}  // namespace

std::string_view FaultText(ShapeFault fault) {
  static constexpr std::string_view kTexts[] = {
      "empty",       "bad_csv",   "wrong_columns", "bad_id",     "duplicate_id",
      "missing_ids", "extra_ids", "not_a_number",  "not_finite", "out_of_range"};
  return kTexts[static_cast<std::size_t>(fault)];
}

Result<IdList> IdList::FromCsv(std::string_view csv, std::string_view column) {
  auto frame = ReadPandasCsv(csv, StrictOptions({}));
  if (!frame)
    return Fail(ErrorCode::kIo,
                "the table cannot be read: " + frame.error().code + " " + frame.error().detail);
  if (!frame->Has(column))
    return Fail(ErrorCode::kIo, "the table has no column '" + std::string(column) + "'");
  std::erase_if(frame->columns, [&](const Column& c) { return c.name != column; });
  return IdList(std::make_shared<const Frame>(std::move(*frame)), csv);
}

tl::expected<Frame, ShapeRejection> ReadSubmission(
    std::string_view bytes, const SubmissionRules& rules, const IdList& ids,
    const std::function<void(std::string_view)>& release) {
  std::size_t columns = rules.columns.size() + 1;
  std::string unpacked;
  StrictRules strict = RulesOf(rules);
  ReadCsvOptions options = Bounded(StrictOptions(strict), ids.size(), columns);
  options.release = release;
  auto whole = UnpackStrictly(bytes, UnpackBounds(ids.size(), columns, ids.csv().size()), unpacked);
  if (!whole) return RejectRead(whole.error());
  std::string_view text = *whole;
  if (auto head = CheckHead(text, rules); !head) return tl::unexpected(head.error());
  auto table = ReadPandasCsv(text, options);
  if (!table) return RejectRead(table.error());
  if (table->rows == 0) return Reject(ShapeFault::kEmpty, "the file has a header and no rows");
  auto matched = MatchUnique(*table->Find(rules.id_column), *ids.table().Find(rules.id_column),
                             false, false, release);
  auto good = CheckStrictTable(
      strict, {&*table, &ids.table(), text, ids.csv(), matched ? &*matched : nullptr});
  if (!good && !good.error().foreign.empty())
    return Reject(ShapeFault::kExtraIds, good.error().foreign);
  if (!good) return Reject(FaultOf(good.error()), good.error().detail);
  return Numbers(std::move(*table), rules);
}

}  // namespace podium
