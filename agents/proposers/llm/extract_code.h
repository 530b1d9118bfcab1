#pragma once

#include <string>
#include <string_view>

namespace podium::agents {

struct ExtractedCode {
  std::string code;     // "" when the answer holds none
  std::string plan;     // the prose before it
  bool closed = false;  // a fence ends it: the answer went on at least so far
};

// The program in a model's answer, as it was answered. Fences are CommonMark's, of backticks or
// tildes, in lists and quotes too, and their indent comes off each line; a fence inside a text of
// the program belongs to it. Of several the longest marked python, else the longest unmarked one
// that looks like Python. An opening fence may be missing; an unclosed fence: all after it; no
// fence: the whole answer if it looks like a program. Lines for a shell or notebook ("!pip",
// "%matplotlib",
// "$ ") are dropped where no statement of Python can begin so.
[[nodiscard]] ExtractedCode ExtractCode(std::string_view answer);

// An answer without what a reasoning model thought before it; its opening or closing tag may be
// missing.
[[nodiscard]] std::string_view WithoutThoughts(std::string_view answer);

}  // namespace podium::agents
