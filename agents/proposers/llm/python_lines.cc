#include "agents/proposers/llm/python_lines.h"

#include <algorithm>

namespace podium::agents {

LineStart PythonLines::next() const {
  if (!quotes_.empty()) return LineStart::kText;
  return brackets_ > 0 || backslash_ ? LineStart::kContinued : LineStart::kStatement;
}

// The place behind the text that goes on at `at`, or the line's end. A text in single quotes ends
// with its line.
std::size_t PythonLines::SkipText(std::string_view line, std::size_t at) {
  while (at < line.size()) {
    if (line[at] == '\\') {
      at += 2;
    } else if (line.substr(at).starts_with(quotes_)) {
      at += quotes_.size();
      quotes_.clear();
      return at;
    } else {
      ++at;
    }
  }
  bool goes_on = quotes_.size() == 3 || line.ends_with('\\');
  if (!goes_on) quotes_.clear();
  return line.size();
}

void PythonLines::Add(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  backslash_ = false;
  std::size_t at = quotes_.empty() ? 0 : SkipText(line, 0);
  while (at < line.size()) {
    char c = line[at];
    if (c == '#') return;
    if (c == '"' || c == '\'') {
      std::string three(3, c);
      quotes_ = line.substr(at).starts_with(three) ? three : std::string(1, c);
      at = SkipText(line, at + quotes_.size());
      continue;
    }
    if (c == '(' || c == '[' || c == '{') ++brackets_;
    if (c == ')' || c == ']' || c == '}') brackets_ = std::max(0, brackets_ - 1);
    backslash_ = c == '\\' && at + 1 == line.size();
    ++at;
  }
}

}  // namespace podium::agents
