#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace podium::agents {

// The two messages that a prompt begins with; {{name}} stands for a part of the state.
struct Prompt {
  std::string system;
  std::string user;

  // With the placeholders' values; one without a value is left empty.
  [[nodiscard]] Prompt Filled(const std::map<std::string_view, std::string>& values) const;
};

// A prompt's file: its first line is "podium-prompt/1"; then comes the system message, a line
// "---", and the user's message. Errors (kConfig) name file and line, and the placeholders that
// there are.
[[nodiscard]] Result<Prompt> ParsePrompt(const std::filesystem::path& file, std::string_view text,
                                         std::span<const std::string_view> placeholders);

// The variants of prompts that a folder "variants" holds, sorted: folders, or files "NAME.md".
[[nodiscard]] std::vector<std::string> VariantsIn(const std::filesystem::path& folder,
                                                  bool folders);
// An error (kConfig) that names those that there are. `of`: the prompts' file or folder.
[[nodiscard]] Error NoSuchVariant(const std::string& of, std::string_view variant,
                                  std::vector<std::string> known);

}  // namespace podium::agents
