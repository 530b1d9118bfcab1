#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "agents/operators/prompt_file.h"
#include "base/digest.h"
#include "base/result.h"

namespace podium::agents {

// The prompts of all operators and of the review: a folder with a file each (draft.md, debug.md,
// improve.md, crossover.md, review.md; ensemble.md, else crossover.md is used for it; leak.md where
// leaks are looked for). A file's first line is "podium-prompt/1"; then comes the system message, a
// line "---", and the user's message. {{name}} stands for a part of the state.
//
// A variant of a set says the same in another way: a folder variants/NAME of it, whose files stand
// in the place of those of the same name.
class PromptSet {
 public:
  static constexpr std::string_view kDefault = "default";  // the set as it is

  // Errors (kConfig) name file, line, and the placeholders, variants or names of files that there
  // are. Blocks.
  [[nodiscard]] static Result<std::shared_ptr<const PromptSet>> Load(
      const std::filesystem::path& dir, std::string_view variant = kDefault);
  // The folder itself where there is a '/' in it, else that of the shipped set of this name.
  [[nodiscard]] static std::filesystem::path Find(const std::string& name_or_dir);

  [[nodiscard]] bool Has(std::string_view prompt) const { return prompts_.contains(prompt); }
  // With the placeholders' values; one without a value is left empty. `prompt` is an operator's
  // name or "review".
  [[nodiscard]] Prompt Render(std::string_view prompt,
                              const std::map<std::string_view, std::string>& values) const;
  [[nodiscard]] const Digest& digest() const { return digest_; }  // of all files

 private:
  std::map<std::string, Prompt, std::less<>> prompts_;
  Digest digest_;
};

}  // namespace podium::agents
