#include "tables/frame/csv_scanner.h"

#include <algorithm>
#include <cstring>

#include "tables/frame/plain_block.h"

namespace podium {
namespace {

constexpr std::size_t kBlockBytes = 1 << 16;

}  // namespace

CsvScanner::CsvScanner(std::string_view bytes, std::size_t max_cells_a_row, TextBlocks& blocks,
                       std::size_t line)
    : max_cells_(max_cells_a_row), blocks_(&blocks), next_line_(line) {
  if (line == 1 && bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  p_ = bytes.data();
  end_ = p_ + bytes.size();
}

void CsvScanner::LookForNul() {
  has_nul_ = p_ != end_ && std::memchr(p_, 0, static_cast<std::size_t>(end_ - p_)) != nullptr;
}

void CsvScanner::EndLine() {
  char c = *p_++;
  if (c == '\r' && p_ != end_ && *p_ == '\n') ++p_;
  ++next_line_;
}

bool CsvScanner::SkipBlankLines() {
  if (p_ != end_ && *p_ > ',') return true;
  while (p_ != end_) {
    const char* q = p_;
    while (q != end_ && (*q == ' ' || *q == '\t')) ++q;
    if (q == end_) p_ = q;
    if (q == end_ || (*q != '\n' && *q != '\r')) break;
    p_ = q;
    EndLine();
  }
  return p_ != end_;
}

// A block that takes `bytes` more without moving what it holds.
std::string& CsvScanner::BlockWithRoom(std::size_t bytes) {
  bool fits = !blocks_->empty() && blocks_->back()->capacity() - blocks_->back()->size() >= bytes;
  if (!fits) {
    blocks_->push_back(std::make_unique<std::string>());
    blocks_->back()->reserve(std::max(bytes, kBlockBytes));
  }
  return *blocks_->back();
}

// p_ is behind the opening quote. False at the end of the input inside the quotes.
bool CsvScanner::QuotedCell(std::string_view& cell) {
  const char* start = p_;
  const char* q = p_;
  bool plain = true;
  for (;;) {
    q = q == end_
            ? nullptr
            : static_cast<const char*>(std::memchr(q, '"', static_cast<std::size_t>(end_ - q)));
    if (q == nullptr) return false;
    if (q + 1 == end_ || q[1] != '"') break;
    plain = false;
    q += 2;
  }
  next_line_ += static_cast<std::size_t>(std::count(start, q, '\n'));
  p_ = FindCellEnd(q + 1, end_);
  cell = {start, static_cast<std::size_t>(q - start)};
  if (plain && p_ == q + 1) return true;
  std::string& block = BlockWithRoom(static_cast<std::size_t>(p_ - start));
  std::size_t at = block.size();
  for (const char* c = start; c != q; ++c) {
    block += *c;
    if (*c == '"') ++c;
  }
  block.append(q + 1, p_);
  cell = std::string_view(block).substr(at);
  return true;
}

CsvScanner::Step CsvScanner::Next(std::vector<std::string_view>& cells) {
  cells.clear();
  if (!SkipBlankLines()) return Step::kEnd;
  row_line_ = next_line_;
  const char* p = p_;  // in a register: writing cells could change p_ for all the compiler knows
  for (;;) {
    std::string_view cell;
    if (p != end_ && *p == '"') {
      p_ = p + 1;
      if (!QuotedCell(cell)) return Step::kOpenQuote;
      p = p_;
    } else {
      const char* start = p;
      p = FindCellEnd(p, end_);
      cell = {start, static_cast<std::size_t>(p - start)};
    }
    if (has_nul_) cell = cell.substr(0, cell.find('\0'));
    if (cells.size() == max_cells_) return Step::kTooManyCells;
    cells.push_back(cell);
    if (p != end_ && *p == ',') {
      ++p;
      continue;
    }
    p_ = p;
    if (p != end_) EndLine();
    return Step::kRow;
  }
}

}  // namespace podium
