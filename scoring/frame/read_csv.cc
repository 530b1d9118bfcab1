#include "scoring/frame/read_csv.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <future>
#include <iterator>
#include <optional>
#include <system_error>
#include <thread>
#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "scoring/frame/csv_scanner.h"
#include "scoring/frame/header_names.h"
#include "scoring/frame/plain_block.h"
#include "scoring/frame/utf8.h"

namespace podium::scoring {
namespace {

using Cells = std::vector<std::string_view>;

tl::unexpected<ReadFault> Refuse(std::string code, std::string detail) {
  return tl::unexpected(ReadFault{std::move(code), std::move(detail)});
}

// One pass over the rows behind the header.
class Reader {
 public:
  Reader(std::string_view bytes, const ReadCsvOptions& options)
      : bytes_(bytes), options_(options) {}

  // A later part of a table whose header is known.
  Reader(std::string_view bytes, const ReadCsvOptions& options, const Cells& header)
      : bytes_(bytes),
        options_(options),
        later_part_(true),
        header_(header),
        width_(header.size()) {}

  using Done = tl::expected<void, ReadFault>;
  Done ReadColumns();
  // One of several parts, to which `parts` - 1 will be appended: it may not hold a quote, behind
  // which a cut would be inside a cell.
  void ExpectParts(std::size_t parts) {
    parts_ = parts;
    no_quotes_ = true;
  }
  // Appends the columns of the next part; false where the types do not go together.
  bool Append(Reader& next);
  [[nodiscard]] std::size_t cells() const { return rows_ * width_; }
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
  bool no_quotes_ = false;
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
};

Reader::Done Reader::Step(CsvScanner& scanner, bool& more) {
  auto step = scanner.Next(cells_);
  more = step == CsvScanner::Step::kRow;
  if (more || step == CsvScanner::Step::kEnd) return {};
  std::string line = "line " + std::to_string(scanner.line());
  if (step == CsvScanner::Step::kOpenQuote)
    return Refuse("parser_error",
                  line + ": a quoted cell is not closed before the end of the file");
  return TooManyColumns(scanner.line());
}

Reader::Done Reader::TooManyColumns(std::size_t line) const {
  return Refuse("too_many_columns", "line " + std::to_string(line) + ": more than " +
                                        std::to_string(options_.max_columns) + " columns");
}

Reader::Done Reader::ReadHeader(CsvScanner& scanner) {
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
Reader::Done Reader::StartColumns(std::size_t line, std::size_t cells, std::size_t lines) {
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

Reader::Done Reader::CheckWidth(std::size_t line, std::size_t cells) const {
  bool ragged = cells != width_ && !options_.ragged;
  if (cells <= width_ && !ragged) return {};
  if (cells > options_.max_columns) return TooManyColumns(line);
  return Refuse(options_.ragged ? "parser_error" : "ragged_row",
                "line " + std::to_string(line) + ": expected " + std::to_string(width_) +
                    " cells, found " + std::to_string(cells));
}

// After each row.
Reader::Done Reader::CheckCells(std::size_t line) const {
  if (rows_ <= max_rows_) return {};
  return Refuse("too_many_cells", "line " + std::to_string(line) + ": more than " +
                                      std::to_string(options_.max_cells) + " cells");
}

void Reader::AddRow() {
  for (std::size_t i = 0; i < builders_.size(); ++i) {
    std::size_t c = targets_[i];
    builders_[i].Add(c < cells_.size() ? cells_[c] : std::string_view());
  }
}

// Rows with the tokenizer, to the end.
Reader::Done Reader::ReadRows(const Place& place) {
  if (place.rest.empty()) return {};
  if (FirstBadUtf8(place.rest) != place.rest.size()) return Refuse("not_utf8", "");
  CsvScanner scanner(place.rest, options_.max_columns, *blocks_, place.line);
  scanner.LookForNul();
  for (;;) {
    bool more = false;
    if (auto done = Step(scanner, more); !done) return done;
    if (!more) return {};
    if (rows_ == 0 && columns_.empty()) {
      auto lines = std::count(place.rest.begin(), place.rest.end(), '\n') + 1;
      if (auto done = StartColumns(scanner.line(), cells_.size(), static_cast<std::size_t>(lines));
          !done)
        return done;
    }
    if (auto done = CheckWidth(scanner.line(), cells_.size()); !done) return done;
    AddRow();
    ++rows_;
    if (auto done = CheckCells(scanner.line()); !done) return done;
  }
}

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

Reader::Done Reader::ReadPlainBlock(Place& place, std::string_view block) {
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
void Reader::ReadFirstBlockAgain(Place place, std::string_view block) {
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

// Rows as long as they lie in plain blocks.
Reader::Done Reader::ReadPlainRows(Place& place) {
  for (;;) {
    std::string_view block = NextPlainBlock(place.rest, 0);
    if (block.empty()) return {};
    if (rows_ == 0 && columns_.empty() && builders_.empty()) {
      const char* first = block.data();
      while (first != block.data() + block.size() && BehindBlankLine(first) != first)
        first = BehindBlankLine(first);
      if (first == block.data() + block.size()) return {};
      auto lines = static_cast<double>(std::count(block.begin(), block.end(), '\n'));
      lines *= static_cast<double>(place.rest.size()) / static_cast<double>(block.size());
      if (auto done = StartColumns(place.line, CountCells(first),
                                   static_cast<std::size_t>(lines * 1.05) + 16);
          !done)
        return done;
    }
    bool first = rows_ == 0 && columns_.empty();
    if (auto done = ReadPlainBlock(place, block); !done) return done;
    if (first) ReadFirstBlockAgain(place, block);
    if (options_.release) options_.release(block);
    place.rest.remove_prefix(block.size());
  }
}

Reader::Done Reader::ReadBody() {
  Place place = body_;
  if (width_ > 0) {
    if (auto done = ReadPlainRows(place); !done) return done;
  }
  if (no_quotes_ && place.rest.find('"') != std::string_view::npos) return Refuse("quoted", "");
  return ReadRows(place);
}

// Moves what is done into columns_ and keeps builders for the columns that must be read again; true
// where there are some.
bool Reader::FinishColumns() {
  columns_.resize(width_);
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
    }
  }
  builders_ = std::move(again);
  targets_ = std::move(targets);
  return !targets_.empty();
}

// Reads the cells of some columns again.
Reader::Done Reader::NextPass() {
  bool in_use = std::ranges::any_of(columns_, [](const Column& c) { return !c.cells.empty(); });
  if (!in_use) blocks_->clear();
  rows_ = 0;
  return ReadBody();
}

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

Frame Reader::Assemble() {
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

Reader::Done Reader::ReadColumns() {
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

bool Reader::Append(Reader& next) {
  if (next.rows_ == 0) return true;
  if (rows_ == 0 || next.width_ != width_) return false;
  for (std::size_t c = 0; c < width_; ++c) {
    if (!AppendColumn(columns_[c], next.columns_[c])) return false;
  }
  rows_ += next.rows_;
  return true;
}

// --- one table read by several threads

constexpr std::size_t kMaxParts = 8;

// Cuts behind line feeds; empty where that is not worth it. A cut inside a quoted cell shows when
// a part turns out to hold a quote.
std::vector<std::string_view> Parts(std::string_view bytes, std::size_t part_bytes) {
  std::size_t count = std::min(
      {bytes.size() / part_bytes, kMaxParts, std::size_t{std::thread::hardware_concurrency()}});
  if (count < 2) return {};
  std::vector<std::string_view> parts;
  std::size_t start = 0;
  for (std::size_t i = 1; i <= count; ++i) {
    std::size_t cut = i == count ? bytes.size() : bytes.find('\n', bytes.size() * i / count);
    if (cut == std::string_view::npos || cut + 1 < start) return {};
    std::size_t end = i == count ? cut : cut + 1;
    parts.push_back(bytes.substr(start, end - start));
    if (start > 0 && parts.back().starts_with("\xEF\xBB\xBF")) return {};
    start = end;
  }
  return parts;
}

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

// The table, or nothing where one thread must read it: for its faults, and for columns whose type
// shows only in the whole.
std::optional<Frame> ReadInParts(std::string_view bytes, const ReadCsvOptions& options) {
  auto parts = Parts(bytes, options.part_bytes);
  if (parts.empty()) return std::nullopt;
  Cells header = PlainHeader(parts[0], options);
  if (header.empty()) return std::nullopt;
  Reader first(parts[0], options);
  first.ExpectParts(parts.size());
  std::deque<Reader> others;
  std::vector<std::future<Reader::Done>> reading;
  try {
    for (std::size_t i = 1; i < parts.size(); ++i) {
      Reader& other = others.emplace_back(parts[i], options, header);
      other.ExpectParts(1);
      reading.push_back(std::async(std::launch::async, [&other] { return other.ReadColumns(); }));
    }
  } catch (const std::system_error&) {
    for (auto& part : reading) part.wait();
    return std::nullopt;
  }
  bool good = first.ReadColumns().has_value();
  for (auto& part : reading) good &= part.get().has_value();
  for (Reader& other : others) good = good && first.Append(other);
  if (!good || first.cells() > options.max_cells) return std::nullopt;
  return first.Assemble();
}

}  // namespace

tl::expected<Frame, ReadFault> ReadPandasCsv(std::string_view bytes,
                                             const ReadCsvOptions& options) {
  if (auto frame = ReadInParts(bytes, options)) return std::move(*frame);
  Reader reader(bytes, options);
  auto done = reader.ReadColumns();
  if (done) return reader.Assemble();
  // Bytes that are not text have no other fault.
  std::size_t bad = FirstBadUtf8(bytes);
  if (bad != bytes.size())
    return Refuse("not_utf8", "byte " + std::to_string(bad) + " is not UTF-8");
  return tl::unexpected(done.error());
}

}  // namespace podium::scoring
