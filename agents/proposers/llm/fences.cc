#include "agents/proposers/llm/fences.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "agents/proposers/llm/python_lines.h"
#include "base/text.h"

namespace podium::agents {
namespace {

bool Blank(char c) { return c == ' ' || c == '\t'; }

struct Fence {
  char sign = '`';
  std::size_t length = 0;
  std::size_t indent = 0;  // of its line, behind the quote marks; a list's mark counts
  int quotes = 0;          // ">" marks before it
  std::string_view info;
};

// Takes up to `marks` quote marks off; returns how many there were.
int TakeQuotes(std::string_view& line, int marks) {
  int taken = 0;
  while (taken < marks) {
    std::size_t at = line.find_first_not_of(" \t");
    if (at == std::string_view::npos || line[at] != '>') break;
    line.remove_prefix(at + 1);
    if (line.starts_with(' ')) line.remove_prefix(1);
    ++taken;
  }
  return taken;
}

// The length of "- ", "12. " and the like at the front; 0 where there is none.
std::size_t ListMark(std::string_view line) {
  std::size_t n = 0;
  while (n < line.size() && n < 9 && std::isdigit(static_cast<unsigned char>(line[n]))) ++n;
  bool mark = n > 0 ? n < line.size() && (line[n] == '.' || line[n] == ')')
                    : !line.empty() && std::string_view("-*+").find(line[0]) != line.npos;
  if (!mark || n + 1 >= line.size() || !Blank(line[n + 1])) return 0;
  ++n;
  while (n < line.size() && Blank(line[n])) ++n;
  return n;
}

std::optional<Fence> OpeningFence(std::string_view line) {
  Fence out;
  out.quotes = TakeQuotes(line, 9);
  std::size_t at = std::min(line.find_first_not_of(" \t"), line.size());
  at += ListMark(line.substr(at));
  std::string_view rest = line.substr(at);
  if (!rest.starts_with("```") && !rest.starts_with("~~~")) return std::nullopt;
  out.sign = rest[0];
  out.length = std::min(rest.find_first_not_of(out.sign), rest.size());
  out.indent = at;
  out.info = Trim(rest.substr(out.length));
  if (out.sign == '`' && out.info.find('`') != std::string_view::npos) return std::nullopt;
  return out;
}

// A line inside the fence's block, without what the fence has before it.
std::string_view Inside(std::string_view line, const Fence& fence) {
  TakeQuotes(line, fence.quotes);
  std::size_t n = 0;
  while (n < fence.indent && n < line.size() && Blank(line[n])) ++n;
  return line.substr(n);
}

bool Closes(std::string_view line, const Fence& fence, bool& bare) {
  std::string_view text = Trim(line);
  std::size_t n = std::min(text.find_first_not_of(fence.sign), text.size());
  bare = n == text.size();
  return n >= fence.length;
}

std::string LabelOf(std::string_view info) {
  while (!info.empty() && std::string_view("{. \t").find(info[0]) != info.npos)
    info.remove_prefix(1);
  std::size_t n = 0;
  while (n < info.size() && (std::isalnum(static_cast<unsigned char>(info[n])) || info[n] == '_' ||
                             info[n] == '+' || info[n] == '#'))
    ++n;
  return Lower(info.substr(0, n));
}

bool IsMarkdown(std::string_view label) {
  return label == "markdown" || label == "md" || label == "mdx";
}

using Lines = std::vector<std::string_view>;

// Where a block of Python ends: a fence ends it where no text of the program goes on. Where such a
// text never ends, labelled fences and their ends are taken for its own.
std::size_t EndOfProgram(const Lines& lines, std::size_t from, const Fence& fence, bool& bare) {
  PythonLines program;
  for (std::size_t i = from; i < lines.size(); ++i) {
    std::string_view line = Inside(lines[i], fence);
    if (Closes(line, fence, bare) && program.next() != LineStart::kText) return i;
    program.Add(line);
  }
  int depth = 1;
  for (std::size_t i = from; i < lines.size(); ++i) {
    if (!Closes(Inside(lines[i], fence), fence, bare)) continue;
    depth += bare ? -1 : 1;
    if (depth == 0) return i;
  }
  return lines.size();
}

// Elsewhere the next fence without a label; a label inside a block without one shows that the block
// was none.
std::size_t EndOfText(const Lines& lines, std::size_t from, const Fence& fence, bool& bare) {
  for (std::size_t i = from; i < lines.size(); ++i) {
    if (Closes(Inside(lines[i], fence), fence, bare) && (bare || fence.info.empty())) return i;
  }
  return lines.size();
}

bool HoldsPython(const Lines& lines, std::size_t from) {
  return std::any_of(lines.begin() + static_cast<std::ptrdiff_t>(from), lines.end(),
                     [](std::string_view line) {
                       auto fence = OpeningFence(line);
                       return fence && LabelOf(fence->info).starts_with("py");
                     });
}

}  // namespace

bool Block::python() const { return label.starts_with("py") || label.starts_with("ipython"); }

bool IsFence(std::string_view line) { return OpeningFence(line).has_value(); }

bool IsBareFence(std::string_view line) {
  auto fence = OpeningFence(line);
  return fence && fence->info.empty();
}

std::vector<Block> FindBlocks(const Lines& lines) {
  std::vector<Block> out;
  for (std::size_t i = 0; i < lines.size();) {
    auto fence = OpeningFence(lines[i]);
    std::string label = fence ? LabelOf(fence->info) : "";
    if (!fence || (IsMarkdown(label) && HoldsPython(lines, i + 1))) {
      ++i;
      continue;
    }
    Block block{label, "", i, false};
    bool bare = true;
    bool program = label.empty() || block.python();
    std::size_t end =
        program ? EndOfProgram(lines, i + 1, *fence, bare) : EndOfText(lines, i + 1, *fence, bare);
    for (std::size_t j = i + 1; j < end; ++j)
      block.body += std::string(Inside(lines[j], *fence)) + "\n";
    block.closed = end < lines.size();
    out.push_back(std::move(block));
    i = end + (bare ? 1 : 0);  // a fence with a label begins the next block
  }
  return out;
}

}  // namespace podium::agents
