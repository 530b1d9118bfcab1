#include "harness/report/table.h"

#include <algorithm>

#include "base/text.h"

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

// Lines of at most so many characters, cut at blanks; a longer word has a line of its own.
std::vector<std::string> Lines(const std::string& text, std::size_t width) {
  std::vector<std::string> out = {""};
  for (auto word : Split(text, ' ')) {
    std::string& line = out.back();
    bool fits = line.empty() || Width(line) + 1 + Width(std::string(word)) <= width;
    if (!fits) out.emplace_back();
    out.back() += (out.back().empty() ? "" : " ") + std::string(word);
  }
  return out;
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

std::string TextTable::Text(std::size_t room) const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::size_t before = 0;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) before += widths[i] + 2;
  constexpr std::size_t kLeast = 16;
  bool cut = room >= before + kLeast && before + widths.back() > room;
  if (cut) widths.back() = room - before;
  std::string out;
  auto add = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t i = 0; i < widths.size(); ++i)
      line += (i ? "  " : "") + Pad(row[i], widths[i], right_[i]);
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    std::vector<std::string> row = rows_[r];
    auto lines = cut ? Lines(row.back(), widths.back()) : std::vector<std::string>{row.back()};
    for (auto& line : lines) {
      row.back() = std::move(line);
      add(row);
      row.assign(row.size(), "");
    }
    if (r > 0) continue;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      out += i ? "  " : "";
      for (std::size_t k = 0; k < widths[i]; ++k) out += "─";
    }
    out += '\n';
  }
  return out;
}

}  // namespace podium::harness
