#pragma once

#include <string>
#include <string_view>

namespace podium::agents {

// Where a line of a Python program begins.
enum class LineStart {
  kStatement,  // a statement may begin here
  kContinued,  // inside brackets, or behind a backslash
  kText,       // inside a text in triple quotes
};

// Reads a program line by line by its quotes, brackets, comments and backslashes alone, as Python's
// tokenizer does: that is enough to tell which lines begin a statement.
class PythonLines {
 public:
  // Of the line that comes next.
  [[nodiscard]] LineStart next() const;
  void Add(std::string_view line);

 private:
  [[nodiscard]] std::size_t SkipText(std::string_view line, std::size_t at);

  std::string quotes_;  // that end the text it is in: """ or '''; "" outside
  int brackets_ = 0;
  bool backslash_ = false;
};

}  // namespace podium::agents
