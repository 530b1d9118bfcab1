#include "base/csv.h"

#include <algorithm>
#include <cstring>

namespace podium {
namespace {

tl::unexpected<Error> At(std::size_t line, std::string_view message) {
  return Fail(ErrorCode::kIo, "line " + std::to_string(line) + ": " + std::string(message));
}

}  // namespace

CsvReader::CsvReader(std::string_view bytes, CsvLimits limits) : rest_(bytes), limits_(limits) {
  if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
}

std::string_view CsvReader::PlainCell() {
  std::size_t n = 0;
  std::size_t end =
      std::min(rest_.size(), limits_.max_cell_bytes + 1);  // one more is enough to be refused
  while (n < end && rest_[n] != ',' && rest_[n] != '\n' && rest_[n] != '\r') ++n;
  std::string_view cell = rest_.substr(0, n);
  rest_.remove_prefix(n);
  return cell;
}

Result<std::string_view> CsvReader::QuotedCell() {
  rest_.remove_prefix(1);
  std::string* copy = nullptr;
  std::string_view start = rest_;
  for (;;) {
    const void* found = rest_.empty() ? nullptr : std::memchr(rest_.data(), '"', rest_.size());
    if (!found) return At(row_line_, "a quoted cell is not closed");
    auto n = static_cast<std::size_t>(static_cast<const char*>(found) - rest_.data());
    next_line_ += static_cast<std::size_t>(
        std::count(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(n), '\n'));
    bool doubled = n + 1 < rest_.size() && rest_[n + 1] == '"';
    if (doubled && !copy) copy = &unquoted_.emplace_back();
    if (copy) copy->append(rest_.substr(0, doubled ? n + 1 : n));
    if (copy && copy->size() > limits_.max_cell_bytes) return TooLarge();
    rest_.remove_prefix(doubled ? n + 2 : n + 1);
    if (doubled) continue;
    if (copy) return std::string_view(*copy);
    return start.substr(0, static_cast<std::size_t>(rest_.data() - start.data()) - 1);
  }
}

tl::unexpected<Error> CsvReader::TooLarge() const {
  return At(row_line_,
            "a cell is larger than " + std::to_string(limits_.max_cell_bytes) + " bytes");
}

Result<bool> CsvReader::Next(std::vector<std::string_view>& cells) {
  cells.clear();
  unquoted_.clear();
  while (!rest_.empty() && (rest_[0] == '\n' || rest_[0] == '\r')) {
    if (rest_[0] == '\n') ++next_line_;
    rest_.remove_prefix(1);
  }
  if (rest_.empty()) return false;
  row_line_ = next_line_;
  for (;;) {
    std::string_view cell;
    if (!rest_.empty() && rest_[0] == '"') {
      PODIUM_ASSIGN(cell, QuotedCell());
      if (!rest_.empty() && rest_[0] != ',' && rest_[0] != '\n' && rest_[0] != '\r') {
        return At(row_line_, "text after the closing quote of a cell");
      }
    } else {
      cell = PlainCell();
    }
    if (cell.size() > limits_.max_cell_bytes) return TooLarge();
    if (cells.size() >= limits_.max_columns)
      return At(row_line_, "more than " + std::to_string(limits_.max_columns) + " columns");
    cells.push_back(cell);
    if (rest_.empty()) return true;
    char c = rest_[0];
    rest_.remove_prefix(1);
    if (c == ',') continue;
    if (c == '\r' && !rest_.empty() && rest_[0] == '\n') rest_.remove_prefix(1);
    ++next_line_;
    return true;
  }
}

std::string CsvCell(std::string_view value) {
  if (value.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(value);
  std::string out = "\"";
  for (char c : value) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

}  // namespace podium
