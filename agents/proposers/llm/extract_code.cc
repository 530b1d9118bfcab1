#include "agents/proposers/llm/extract_code.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "agents/proposers/llm/fences.h"
#include "agents/proposers/llm/python_lines.h"
#include "base/text.h"

namespace podium::agents {
namespace {

using Lines = std::vector<std::string_view>;

constexpr std::string_view kThoughts[] = {"think", "thinking", "thought", "reasoning"};

bool BeginsStatement(std::string_view line) {
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"import ", "from ", "def ", "class ", "print(",
                                              "for ", "if ", "with ", "@", "try:"},
      [&](std::string_view start) { return line.starts_with(start); });
}

bool LooksLikePython(std::string_view text) {
  int signs = 0;
  for (auto line : Split(text, '\n')) {
    if (BeginsStatement(line)) ++signs;
    if (line.find(" = ") != std::string_view::npos && !line.starts_with(' ')) ++signs;
  }
  bool imports = text.starts_with("import ") || text.starts_with("from ") ||
                 text.find("\nimport ") != std::string_view::npos ||
                 text.find("\nfrom ") != std::string_view::npos;
  return imports && signs >= 3;
}

// No statement of Python begins with these signs.
bool IsForShell(std::string_view line) {
  return line.starts_with('!') || line.starts_with('%') || line.starts_with("$ ");
}

std::string WithoutShellLines(std::string_view code) {
  PythonLines program;
  std::string out;
  for (auto line : Split(code, '\n')) {
    std::string_view trimmed = Trim(line);
    if (program.next() == LineStart::kStatement && IsForShell(trimmed)) {
      std::size_t indent = line.find(trimmed[0]);
      if (indent > 0) out += std::string(line.substr(0, indent)) + "pass\n";  // a block needs one
      continue;
    }
    program.Add(line);
    out += std::string(line) + "\n";
  }
  return out;
}

// Without the indent that the first statement has, as far as statements have it.
std::string Dedented(std::string_view code) {
  Lines lines = Split(code, '\n');
  auto first = std::ranges::find_if(lines, [](auto line) { return !Trim(line).empty(); });
  if (first == lines.end()) return {};
  std::size_t indent = first->find_first_not_of(" \t");
  std::string_view space = first->substr(0, indent);
  PythonLines program;
  std::string out;
  for (auto it = first; it != lines.end(); ++it) {
    bool text = program.next() == LineStart::kText;
    program.Add(*it);
    if (!text && it->starts_with(space)) it->remove_prefix(indent);
    out += std::string(*it) + "\n";
  }
  out.erase(out.find_last_not_of(" \t\r\n\f\v") + 1);
  return out + "\n";
}

// A label that lost its fence.
std::string_view WithoutLabel(std::string_view code) {
  std::size_t end = std::min(code.find('\n'), code.size());
  std::string first = Lower(Trim(code.substr(0, end)));
  bool label = first == "python" || first == "python3" || first == "py";
  return label ? code.substr(std::min(end + 1, code.size())) : code;
}

std::string Program(std::string_view code) {
  return Dedented(WithoutShellLines(WithoutLabel(code)));
}

// A sentence, not a statement.
bool IsProse(std::string_view line) {
  std::string_view text = Trim(line);
  if (text.empty() || BeginsStatement(text) || line.starts_with(' ') || line.starts_with('\t'))
    return false;
  bool capital = std::isupper(static_cast<unsigned char>(text[0])) != 0;
  bool ends = std::string_view(".:!?").find(text.back()) != std::string_view::npos;
  bool code = text.find_first_of("=()[]{}#\"") != std::string_view::npos;
  return capital && ends && !code && text.find(' ') != std::string_view::npos;
}

struct Unfenced {
  std::string code;
  std::size_t line = 0;  // where it begins
};

// A program that stands outside of fences: the lines of an answer without the sentences at both
// ends. `lines` are those before the first fence, or all.
Unfenced FindUnfenced(Lines lines) {
  Unfenced out;
  while (out.line < lines.size() && (Trim(lines[out.line]).empty() || IsProse(lines[out.line])))
    ++out.line;
  while (!lines.empty() && (Trim(lines.back()).empty() || IsProse(lines.back()))) lines.pop_back();
  std::string code;
  for (std::size_t i = out.line; i < lines.size(); ++i) code += std::string(lines[i]) + "\n";
  if (LooksLikePython(code)) out.code = Program(code);
  return out;
}

// The lines up to the first fence that is not inside a text of a program; all where there is none.
Lines BeforeFence(const Lines& lines) {
  PythonLines program;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (program.next() != LineStart::kText && IsFence(lines[i]))
      return {lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(i)};
    program.Add(IsProse(lines[i]) ? std::string_view() : lines[i]);
  }
  return lines;
}

bool MayBePython(const Block& block) {
  bool plain = std::ranges::any_of(
      std::initializer_list<std::string_view>{"", "text", "txt", "plaintext", "code", "tool_code"},
      [&](std::string_view label) { return block.label == label; });
  return plain && LooksLikePython(WithoutLabel(block.body));
}

const Block* Choose(const std::vector<Block>& blocks) {
  const Block* best = nullptr;
  for (bool marked : {true, false}) {
    for (const Block& block : blocks) {
      bool usable = marked ? block.python() && !Trim(block.body).empty() : MayBePython(block);
      if (usable && (!best || block.body.size() > best->body.size())) best = &block;
    }
    if (best) return best;
  }
  return nullptr;
}

std::string Joined(const Lines& lines, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += std::string(lines[i]) + "\n";
  return std::string(Trim(out));
}

struct Tag {
  std::size_t at = std::string_view::npos;
  std::size_t end = 0;
};

// The first tag of a thought; one in quotes is part of a program.
Tag FindTag(std::string_view text, std::string_view begin) {
  Tag out;
  for (std::string_view name : kThoughts) {
    std::string tag = std::string(begin) + std::string(name) + ">";
    for (std::size_t at = text.find(tag); at != std::string_view::npos;
         at = text.find(tag, at + 1)) {
      std::size_t end = at + tag.size();
      auto quote = [](char c) { return c == '"' || c == '\'' || c == '`'; };
      bool fence = text.substr(end).starts_with("```") || text.substr(0, at).ends_with("```");
      bool quoted = (at > 0 && quote(text[at - 1])) || (end < text.size() && quote(text[end]));
      if (quoted && !fence) continue;
      if (at < out.at) out = {at, end};
      break;
    }
  }
  return out;
}

}  // namespace

std::string_view WithoutThoughts(std::string_view answer) {
  for (;;) {
    Tag open = FindTag(answer, "<"), close = FindTag(answer, "</");
    std::size_t fence = std::min(answer.find("```"), answer.find("~~~"));
    bool whole = open.at < close.at;  // its beginning is there
    if (close.at == std::string_view::npos)
      return Trim(answer.substr(0, std::min(open.at, answer.size()))).empty() &&
                     open.at != std::string_view::npos
                 ? std::string_view()
                 : answer;
    if (whole && open.at > fence) return answer;  // inside a program
    answer.remove_prefix(close.end);
  }
}

ExtractedCode ExtractCode(std::string_view answer) {
  std::string text;
  for (char c : WithoutThoughts(answer)) {
    if (c == '\n' && text.ends_with('\r')) text.pop_back();
    text += c;
  }
  Lines lines = Split(text, '\n');
  auto blocks = FindBlocks(lines);
  const Block* block = Choose(blocks);
  Lines before = BeforeFence(lines);
  bool fenced = before.size() < lines.size();
  bool begins_open = !fenced || IsBareFence(lines[before.size()]);
  Unfenced outside = begins_open ? FindUnfenced(before) : Unfenced{};
  ExtractedCode out;
  if (block && outside.code.size() <= block->body.size()) {
    out = {Program(block->body), Joined(lines, block->line), block->closed};
  } else if (!outside.code.empty()) {
    out = {outside.code, Joined(lines, outside.line), fenced};
  } else {
    out.plan = Trim(text);
  }
  return out;
}

}  // namespace podium::agents
