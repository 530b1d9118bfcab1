#include "base/submission_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "base/csv.h"
#include "base/text.h"

namespace podium {
namespace {

constexpr std::size_t kMaxCellBytes = 4096;  // no id or number of a task is longer

std::string Quoted(std::string_view text) {
  return "'" + Printable(text.substr(0, 60)) + (text.size() > 60 ? "...'" : "'");
}

tl::unexpected<ShapeRejection> Reject(ShapeFault fault, std::string detail) {
  return tl::unexpected(ShapeRejection{fault, std::move(detail)});
}

std::string Line(const CsvReader& reader) { return "line " + std::to_string(reader.line()); }

// Which cell of a row holds the id, and for each cell the column of the table.
struct Layout {
  std::size_t id_cell = 0;
  std::vector<std::size_t> column_of;  // kNone for the id
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
};

std::string ColumnsInWords(const SubmissionRules& rules) {
  std::string out = rules.id_column + "," + rules.columns.front().name;
  if (rules.columns.size() > 2) out += ",...";
  if (rules.columns.size() > 1) out += "," + rules.columns.back().name;
  return out + " (" + std::to_string(rules.columns.size() + 1) + " columns)";
}

tl::expected<Layout, ShapeRejection> ReadHeader(const std::vector<std::string_view>& header,
                                                const SubmissionRules& rules) {
  std::unordered_map<std::string_view, std::size_t> index;
  for (std::size_t i = 0; i < rules.columns.size(); ++i) index.emplace(rules.columns[i].name, i);
  Layout layout;
  std::vector<bool> seen(rules.columns.size());
  bool has_id = false;
  for (std::size_t cell = 0; cell < header.size(); ++cell) {
    std::string_view name = Trim(header[cell]);
    auto found = index.find(name);
    bool is_id = name == rules.id_column;
    if (!is_id && found == index.end()) {
      return Reject(
          ShapeFault::kWrongColumns,
          "column " + Quoted(name) + " is not expected; expected " + ColumnsInWords(rules));
    }
    if (is_id ? has_id : seen[found->second]) {
      return Reject(ShapeFault::kWrongColumns, "column " + Quoted(name) + " is there twice");
    }
    if (is_id) {
      has_id = true;
      layout.id_cell = cell;
    } else {
      seen[found->second] = true;
    }
    layout.column_of.push_back(is_id ? Layout::kNone : found->second);
  }
  auto missing = std::ranges::find(seen, false);
  if (!has_id || missing != seen.end()) {
    std::string name = has_id ? rules.columns[static_cast<std::size_t>(missing - seen.begin())].name
                              : rules.id_column;
    return Reject(ShapeFault::kWrongColumns,
                  "column " + Quoted(name) + " is missing; expected " + ColumnsInWords(rules));
  }
  return layout;
}

tl::unexpected<ShapeRejection> RejectCell(ShapeFault fault, std::string_view cell,
                                          const ColumnRule& rule, const CsvReader& reader) {
  std::string what =
      fault == ShapeFault::kNotANumber  ? (Trim(cell).empty() ? "is empty" : "is not a number")
      : fault == ShapeFault::kNotFinite ? "is not finite"
      : rule.integer
          ? "is not a whole number from " + FormatDouble(rule.min) + " to " + FormatDouble(rule.max)
          : "is not from " + FormatDouble(rule.min) + " to " + FormatDouble(rule.max);
  return Reject(fault, Line(reader) + ", column '" + rule.name +
                           "': " + (Trim(cell).empty() ? "the cell" : Quoted(cell)) + " " + what);
}

// The row of the table that these cells belong to, marked as seen.
tl::expected<std::size_t, ShapeRejection> PlaceRow(std::string_view id, const IdList& ids,
                                                   std::size_t hint, std::vector<bool>& seen,
                                                   const CsvReader& reader) {
  if (id.empty()) return Reject(ShapeFault::kBadId, Line(reader) + ": the id is empty");
  std::size_t row = ids.Find(id, hint);
  if (row == ids.size())
    return Reject(ShapeFault::kExtraIds,
                  Line(reader) + ": id " + Quoted(id) + " is not in the sample submission");
  if (seen[row])
    return Reject(ShapeFault::kDuplicateId,
                  Line(reader) + ": id " + Quoted(id) + " is there twice");
  seen[row] = true;
  return row;
}

std::optional<ShapeRejection> FillRow(const std::vector<std::string_view>& cells,
                                      const Layout& layout, const SubmissionRules& rules,
                                      const CsvReader& reader, double* row) {
  for (std::size_t cell = 0; cell < cells.size(); ++cell) {
    std::size_t column = layout.column_of[cell];
    if (column == Layout::kNone) continue;
    const ColumnRule& rule = rules.columns[column];
    auto value = ParseCell(cells[cell]);
    if (!value) return RejectCell(value.error(), cells[cell], rule, reader).value();
    bool inside =
        *value >= rule.min && *value <= rule.max && (!rule.integer || *value == std::floor(*value));
    if (!inside) return RejectCell(ShapeFault::kOutOfRange, cells[cell], rule, reader).value();
    row[column] = *value;
  }
  return std::nullopt;
}

tl::unexpected<ShapeRejection> RejectMissing(const IdList& ids, const std::vector<bool>& seen,
                                             std::size_t rows) {
  auto first = static_cast<std::size_t>(std::ranges::find(seen, false) - seen.begin());
  return Reject(ShapeFault::kMissingIds,
                std::to_string(ids.size() - rows) + " of " + std::to_string(ids.size()) +
                    " ids are missing, the first is " + Quoted(ids.at(first)));
}

}  // namespace

std::string_view FaultText(ShapeFault fault) {
  static constexpr std::string_view kTexts[] = {
      "empty",       "bad_csv",   "wrong_columns", "bad_id",     "duplicate_id",
      "missing_ids", "extra_ids", "not_a_number",  "not_finite", "out_of_range"};
  return kTexts[static_cast<std::size_t>(fault)];
}

struct IdList::Impl {
  std::vector<std::string_view> ids;
  std::once_flag indexed;
  std::unordered_map<std::string_view, std::uint32_t>
      index;  // made when an id first comes out of order
};

Result<IdList> IdList::FromCsv(std::string_view csv, std::string_view column) {
  CsvReader reader(csv);
  std::vector<std::string_view> cells;
  PODIUM_ASSIGN(bool any, reader.Next(cells));
  auto found = std::ranges::find(cells, column);
  if (!any || found == cells.end())
    return Fail(ErrorCode::kIo, "the table has no column '" + std::string(column) + "'");
  auto at = static_cast<std::size_t>(found - cells.begin());
  auto impl = std::make_shared<Impl>();
  for (;;) {
    PODIUM_ASSIGN(bool more, reader.Next(cells));
    if (!more) return IdList(std::move(impl));
    if (at >= cells.size())
      return Fail(ErrorCode::kIo,
                  "line " + std::to_string(reader.line()) + " of the table is too short");
    impl->ids.push_back(cells[at]);
  }
}

std::size_t IdList::size() const { return impl_->ids.size(); }
std::string_view IdList::at(std::size_t row) const { return impl_->ids[row]; }

std::size_t IdList::Find(std::string_view id, std::size_t hint) const {
  if (hint < size() && impl_->ids[hint] == id) return hint;
  std::call_once(impl_->indexed, [this] {
    impl_->index.reserve(size());
    for (std::size_t i = 0; i < size(); ++i)
      impl_->index.emplace(impl_->ids[i], static_cast<std::uint32_t>(i));
  });
  auto found = impl_->index.find(id);
  return found == impl_->index.end() ? size() : found->second;
}

tl::expected<double, ShapeFault> ParseCell(std::string_view cell) {
  cell = Trim(cell);
  if (cell.starts_with('+')) cell.remove_prefix(1);
  double value = 0;
  auto [end, ec] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (end != cell.data() + cell.size() || ec == std::errc::invalid_argument)
    return tl::unexpected(ShapeFault::kNotANumber);
  // Too large or too small for a double; strtod says which (infinity or a value next to zero).
  if (ec == std::errc::result_out_of_range) value = std::strtod(std::string(cell).c_str(), nullptr);
  if (!std::isfinite(value)) return tl::unexpected(ShapeFault::kNotFinite);
  return value;
}

tl::expected<SubmissionTable, ShapeRejection> ReadSubmission(std::string_view bytes,
                                                             const SubmissionRules& rules,
                                                             const IdList& ids) {
  if (bytes.empty()) return Reject(ShapeFault::kEmpty, "the file has no bytes");
  if (const void* nul = std::memchr(bytes.data(), 0, bytes.size())) {
    auto at = static_cast<const char*>(nul) - bytes.data();
    return Reject(ShapeFault::kBadCsv,
                  "byte " + std::to_string(at) + " is NUL: not a text file in UTF-8");
  }
  CsvReader reader(bytes,
                   {.max_columns = rules.columns.size() + 1, .max_cell_bytes = kMaxCellBytes});
  std::vector<std::string_view> cells;
  auto next = reader.Next(cells);
  if (!next)
    return Reject(ShapeFault::kWrongColumns,
                  next.error().message + "; expected " + ColumnsInWords(rules));
  if (!*next) return Reject(ShapeFault::kEmpty, "the file has blank lines only");
  auto layout = ReadHeader(cells, rules);
  if (!layout) return tl::unexpected(layout.error());

  SubmissionTable table{ids.size(), rules.columns.size(), {}};
  table.values.resize(table.rows * table.columns);
  std::vector<bool> seen(ids.size());
  std::size_t rows = 0;
  for (;; ++rows) {
    next = reader.Next(cells);
    if (!next) return Reject(ShapeFault::kBadCsv, next.error().message);
    if (!*next) break;
    if (cells.size() != layout->column_of.size()) {
      return Reject(ShapeFault::kBadCsv, Line(reader) + ": " + std::to_string(cells.size()) +
                                             " cells where the header has " +
                                             std::to_string(layout->column_of.size()));
    }
    auto row = PlaceRow(Trim(cells[layout->id_cell]), ids, rows, seen, reader);
    if (!row) return tl::unexpected(row.error());
    auto fault = FillRow(cells, *layout, rules, reader, &table.values[*row * table.columns]);
    if (fault) return tl::unexpected(*fault);
  }
  if (rows == 0) return Reject(ShapeFault::kEmpty, "the file has a header and no rows");
  if (rows < ids.size()) return RejectMissing(ids, seen, rows);
  return table;
}

}  // namespace podium
