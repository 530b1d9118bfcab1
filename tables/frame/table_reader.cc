#include "tables/frame/table_reader.h"

#include <algorithm>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "tables/frame/header_names.h"
#include "tables/frame/plain_block.h"
#include "tables/frame/utf8.h"

namespace podium {
namespace {

tl::unexpected<ReadFault> Refuse(std::string code, std::string detail) {
  return tl::unexpected(ReadFault{std::move(code), std::move(detail)});
}

}  // namespace

TableReader::Done TableReader::Step(CsvScanner& scanner, bool& more) {
  auto step = scanner.Next(cells_);
  more = step == CsvScanner::Step::kRow;
  if (more || step == CsvScanner::Step::kEnd) return {};
  std::string line = "line " + std::to_string(scanner.line());
  if (step == CsvScanner::Step::kOpenQuote)
    return Refuse("parser_error",
                  line + ": a quoted cell is not closed before the end of the file");
  return TooManyColumns(scanner.line());
}

TableReader::Done TableReader::TooManyColumns(std::size_t line) const {
  return Refuse("too_many_columns", "line " + std::to_string(line) + ": more than " +
                                        std::to_string(options_.max_columns) + " columns");
}

TableReader::Done TableReader::ReadHeader(CsvScanner& scanner) {
  bool any = false;
  if (auto done = Step(scanner, any); !done) return done;
  if (!any) return {};
  header_ = cells_;
  width_ = header_.size();
  if (options_.repeated_names) return {};
  std::unordered_set<std::string_view> seen;
  for (std::string_view name : header_) {
    if (!seen.insert(name).second)
      return Refuse("repeated_column", "the column '" + Printable(name.substr(0, 60)) +
                                           "' occurs twice in the header");
  }
  return {};
}

// The first row behind the header decides how long rows may be. `lines` is about how many follow.
TableReader::Done TableReader::StartColumns(std::size_t line, std::size_t cells,
                                            std::size_t lines) {
  if (cells != width_ && !options_.ragged) return CheckWidth(line, cells);
  width_ = std::max(width_, cells);
  std::size_t rows = std::min(lines, bytes_.size() / (2 * width_) + 1);
  if (parts_ > 1) rows = rows * parts_ + rows / 8;
  reserved_rows_ = rows;
  max_rows_ = options_.max_cells / width_;
  for (std::size_t c = 0; c < width_; ++c) {
    targets_.push_back(c);
    std::size_t leading = width_ - header_.size();
    bool text = c >= leading && std::ranges::find(options_.text_columns, header_[c - leading]) !=
                                    options_.text_columns.end();
    using State = ColumnBuilder::State;
    builders_.emplace_back(options_.na, text ? State::kText : State::kInt);
    builders_.back().Reserve(rows);
  }
  return {};
}

TableReader::Done TableReader::CheckWidth(std::size_t line, std::size_t cells) const {
  bool ragged = cells != width_ && !options_.ragged;
  if (cells <= width_ && !ragged) return {};
  if (cells > options_.max_columns) return TooManyColumns(line);
  return Refuse(options_.ragged ? "parser_error" : "ragged_row",
                "line " + std::to_string(line) + ": expected " + std::to_string(width_) +
                    " cells, found " + std::to_string(cells));
}

// After each row.
TableReader::Done TableReader::CheckCells(std::size_t line) const {
  if (rows_ <= max_rows_) return {};
  return Refuse("too_many_cells", "line " + std::to_string(line) + ": more than " +
                                      std::to_string(options_.max_cells) + " cells");
}

void TableReader::AddRow() {
  for (std::size_t i = 0; i < builders_.size(); ++i) {
    std::size_t c = targets_[i];
    builders_[i].Add(c < cells_.size() ? cells_[c] : std::string_view());
  }
}

// Rows with the tokenizer, to the end.
TableReader::Done TableReader::ReadRows(const Place& place) {
  if (place.rest.empty()) return {};
  if (FirstBadUtf8(place.rest) != place.rest.size()) return Refuse("not_utf8", "");
  CsvScanner scanner(place.rest, options_.max_columns, *blocks_, place.line);
  scanner.LookForNul();
  for (;;) {
    bool more = false;
    if (auto done = Step(scanner, more); !done) return done;
    if (!more) return {};
    if (rows_ == 0 && columns_.empty()) {
      std::size_t lines = CountByte(place.rest, '\n') + 1;
      if (auto done = StartColumns(scanner.line(), cells_.size(), lines); !done) return done;
    }
    if (auto done = CheckWidth(scanner.line(), cells_.size()); !done) return done;
    AddRow();
    ++rows_;
    if (auto done = CheckCells(scanner.line()); !done) return done;
  }
}

namespace {

// How many cells the line at `p` has.
std::size_t CountCells(const char* p) {
  std::size_t cells = 1;
  for (; *p != '\n'; ++p) cells += *p == ',';
  return cells;
}

// Behind a line that pandas skips: an empty one, or blanks alone. Else `p`.
const char* BehindBlankLine(const char* p) {
  const char* q = p;
  while (*q == ' ' || *q == '\t') ++q;
  return *q == '\n' ? q + 1 : p;
}

}  // namespace

TableReader::Done TableReader::ReadPlainBlock(Place& place, std::string_view block) {
  const char* end = place.rest.data() + place.rest.size();
  const char* p = block.data();
  const char* stop = p + block.size();
  std::vector<ColumnBuilder*> lanes(width_);
  for (std::size_t i = 0; i < builders_.size(); ++i) lanes[targets_[i]] = &builders_[i];
  for (; p != stop; ++place.line) {
    if (*p <= ' ') {
      const char* behind = BehindBlankLine(p);
      if (behind != p) {
        p = behind;
        continue;
      }
    }
    const char* row = p;
    std::size_t c = 0;
    for (;; ++p) {
      p = lanes[c] != nullptr ? lanes[c]->AddFrom(p, end) : FindCellEnd(p, end);
      if (++c == width_ || *p == '\n') break;
    }
    if (c < width_ || *p != '\n') {
      if (auto done = CheckWidth(place.line, CountCells(row)); !done) return done;
    }
    for (; c < width_; ++c) {
      if (lanes[c] != nullptr) lanes[c]->Add({});
    }
    ++p;
    ++rows_;
    if (rows_ > max_rows_) return CheckCells(place.line);
  }
  return {};
}

// Columns that are already known to need another type start over now, not in a pass of their own.
void TableReader::ReadFirstBlockAgain(Place place, std::string_view block) {
  for (;;) {
    std::vector<ColumnBuilder> kept;
    std::vector<std::size_t> kept_targets;
    std::vector<ColumnBuilder> again;
    std::vector<std::size_t> again_targets;
    for (std::size_t i = 0; i < builders_.size(); ++i) {
      bool start_over = builders_[i].again() != ColumnBuilder::State::kGivenUp;
      (start_over ? again_targets : kept_targets).push_back(targets_[i]);
      if (start_over) {
        again.emplace_back(options_.na, builders_[i].again());
        again.back().Reserve(reserved_rows_);
      } else {
        kept.push_back(std::move(builders_[i]));
      }
    }
    builders_ = std::move(again);
    targets_ = std::move(again_targets);
    bool any = !builders_.empty();
    rows_ = any ? 0 : rows_;
    if (any) (void)ReadPlainBlock(place, block);  // its rows were good before
    std::ranges::move(kept, std::back_inserter(builders_));
    targets_.insert(targets_.end(), kept_targets.begin(), kept_targets.end());
    if (!any) return;
  }
}

// Rows as long as they lie in plain blocks. The first is small: some of its columns are read twice.
TableReader::Done TableReader::ReadPlainRows(Place& place) {
  constexpr std::size_t kFirstBytes = 32 << 10;
  constexpr std::size_t kBlockBytes = 256 << 10;
  for (;;) {
    bool first = rows_ == 0 && columns_.empty();
    std::string_view block = NextPlainBlock(place.rest, first ? kFirstBytes : kBlockBytes);
    if (block.empty()) return {};
    if (first && builders_.empty()) {
      const char* row = block.data();
      while (row != block.data() + block.size() && BehindBlankLine(row) != row)
        row = BehindBlankLine(row);
      if (row == block.data() + block.size()) return {};
      auto lines = static_cast<double>(CountByte(block, '\n'));
      lines *= static_cast<double>(place.rest.size()) / static_cast<double>(block.size());
      if (auto done = StartColumns(place.line, CountCells(row),
                                   static_cast<std::size_t>(lines * 1.05) + 16);
          !done)
        return done;
    }
    if (auto done = ReadPlainBlock(place, block); !done) return done;
    if (first) ReadFirstBlockAgain(place, block);
    if (options_.release) options_.release(block);
    place.rest.remove_prefix(block.size());
  }
}

TableReader::Done TableReader::ReadBody() {
  Place place = body_;
  if (width_ > 0) {
    if (auto done = ReadPlainRows(place); !done) return done;
  }
  return ReadRows(place);
}

// Moves what is done into columns_ and keeps builders for the columns that must be read again; true
// where there are some.
bool TableReader::FinishColumns() {
  columns_.resize(width_);
  negative_zeros_.resize(width_);
  std::vector<std::size_t> targets;
  std::vector<ColumnBuilder> again;
  for (std::size_t i = 0; i < builders_.size(); ++i) {
    Column column = builders_[i].Finish("");
    if (builders_[i].again() != ColumnBuilder::State::kGivenUp) {
      targets.push_back(targets_[i]);
      again.emplace_back(options_.na, builders_[i].again());
      again.back().Reserve(rows_);
    } else {
      columns_[targets_[i]] = std::move(column);
      negative_zeros_[targets_[i]] = builders_[i].negative_zero();
    }
  }
  builders_ = std::move(again);
  targets_ = std::move(targets);
  return !targets_.empty();
}

// Reads the cells of some columns again.
TableReader::Done TableReader::NextPass() {
  bool in_use = std::ranges::any_of(columns_, [](const Column& c) { return !c.cells.empty(); });
  if (!in_use) blocks_->clear();
  rows_ = 0;
  return ReadBody();
}

namespace {

// pandas' integer column with a missing cell or True among text stays text; only a column of bools
// and missing cells holds Python bools.
void MarkBools(Column& column) {
  if (column.dtype != DType::kObject || column.cells.empty()) return;
  bool any = !std::ranges::all_of(column.cells, IsMissing);
  column.python_bools = any && std::ranges::all_of(column.cells, [](std::string_view cell) {
                          return IsMissing(cell) || cell == "True" || cell == "TRUE" ||
                                 cell == "true" || cell == "False" || cell == "FALSE" ||
                                 cell == "false";
                        });
}

}  // namespace

Frame TableReader::Assemble() {
  Frame frame;
  frame.rows = rows_;
  frame.owned = blocks_;
  std::vector<std::string> names = MangledNames(header_);
  std::size_t leading = columns_.size() - names.size();
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    MarkBools(columns_[c]);
    if (c >= leading) columns_[c].name = names[c - leading];
    (c < leading ? frame.index : frame.columns).push_back(std::move(columns_[c]));
  }
  return frame;
}

TableReader::Done TableReader::ReadColumns() {
  if (!later_part_) {
    CsvScanner scanner(bytes_, options_.max_columns, *blocks_);
    if (auto done = ReadHeader(scanner); !done) return done;
    body_ = {scanner.rest(), scanner.next_line()};
    std::string_view head = bytes_.substr(0, bytes_.size() - body_.rest.size());
    if (FirstBadUtf8(head) != head.size()) return Refuse("not_utf8", "");
  }
  if (auto done = ReadBody(); !done) return done;
  header_text_.assign(header_.begin(), header_.end());
  header_.assign(header_text_.begin(), header_text_.end());
  while (FinishColumns()) {
    if (auto done = NextPass(); !done) return done;
  }
  return {};
}

namespace {

void ToFloats(Column& column) {
  if (column.dtype == DType::kFloat64) return;
  column.floats = column.Numbers();
  column.ints = {};
  column.dtype = DType::kFloat64;
}

template <class T>
void Extend(std::vector<T>& values, std::vector<T>& more) {
  values.insert(values.end(), more.begin(), more.end());
  more = {};
}

template <class Packed>
void ExtendPacked(Packed& values, Packed& more) {
  values.Append(more);
  more = {};
}

// Types go together where one pass over the whole column would find the same.
bool AppendColumn(Column& column, Column& more) {
  auto number = [](DType type) { return type == DType::kInt64 || type == DType::kFloat64; };
  if (column.dtype != more.dtype) {
    if (!number(column.dtype) || !number(more.dtype)) return false;
    ToFloats(column);
    ToFloats(more);
  }
  if (column.dtype == DType::kUInt64) return false;
  ExtendPacked(column.ints, more.ints);
  Extend(column.floats, more.floats);
  Extend(column.bools, more.bools);
  ExtendPacked(column.cells, more.cells);
  return true;
}

}  // namespace

bool TableReader::Append(TableReader& next) {
  if (next.rows_ == 0) return true;
  if (rows_ == 0 || next.width_ != width_) return false;
  for (std::size_t c = 0; c < width_; ++c) {
    // Whether such a zero has a sign shows only in the whole column.
    if (negative_zeros_[c] || next.negative_zeros_[c]) return false;
    if (!AppendColumn(columns_[c], next.columns_[c])) return false;
  }
  rows_ += next.rows_;
  std::ranges::move(*next.blocks_, std::back_inserter(*blocks_));
  return true;
}

}  // namespace podium
