#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace podium::agents {

// A fenced block of an answer in Markdown.
struct Block {
  std::string label;     // the first word behind the fence, in lower case
  std::string body;      // without the fence's indent
  std::size_t line = 0;  // of the opening fence
  bool closed = false;

  [[nodiscard]] bool python() const;
};

// The blocks of a text, in order. Blocks inside a block of Markdown are found in its place.
[[nodiscard]] std::vector<Block> FindBlocks(const std::vector<std::string_view>& lines);

// Whether a line begins or ends a block; a bare one has no label.
[[nodiscard]] bool IsFence(std::string_view line);
[[nodiscard]] bool IsBareFence(std::string_view line);

}  // namespace podium::agents
