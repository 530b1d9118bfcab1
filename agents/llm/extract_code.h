#pragma once

#include <string>
#include <string_view>

namespace podium::agents {

struct ExtractedCode {
  std::string code;  // "" when the answer holds none
  std::string plan;  // the prose before it
};

// The program in a model's answer. One fence: its inside. Several: the longest one marked python
// (or unmarked and looking like Python). An unclosed fence: all after it. No fence: the whole
// answer if it looks like a program. Lines for a shell or notebook
// ("!pip", "%matplotlib", "$ ") are dropped.
[[nodiscard]] ExtractedCode ExtractCode(std::string_view answer);

}  // namespace podium::agents
