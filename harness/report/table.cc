#include "harness/report/table.h"

#include <algorithm>

namespace podium::harness {
namespace {

// Characters of a UTF-8 text (its continuation bytes are not counted).
std::size_t Width(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string Pad(const std::string& text, std::size_t width, bool right) {
  std::string blanks(width - std::min(width, Width(text)), ' ');
  return right ? blanks + text : text + blanks;
}

}  // namespace

TextTable::TextTable(std::vector<std::string> head, std::vector<bool> right)
    : right_(std::move(right)) {
  right_.resize(head.size());
  rows_.push_back(std::move(head));
}

void TextTable::Add(std::vector<std::string> row) {
  row.resize(rows_.front().size());
  rows_.push_back(std::move(row));
}

std::string TextTable::Text() const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string out;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < widths.size(); ++i)
      line += (i ? "  " : "") + Pad(rows_[r][i], widths[i], right_[i]);
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    if (r > 0) continue;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      out += i ? "  " : "";
      for (std::size_t k = 0; k < widths[i]; ++k) out += "─";
    }
    out += "\n";
  }
  return out;
}

}  // namespace podium::harness
