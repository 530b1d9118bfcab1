#include "agents/operators/prompt_set.h"

#include <algorithm>
#include <vector>

#include "base/files.h"
#include "base/text.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHeader = "podium-prompt/1\n";
constexpr std::string_view kFiles[] = {"draft", "debug", "improve", "crossover", "review"};
// Where it is missing, crossover.md stands in: its placeholders are the same.
constexpr std::string_view kEnsembleFile = "ensemble";
constexpr std::string_view kOptional[] = {kEnsembleFile, "leak"};
constexpr std::string_view kPlaceholders[] = {
    "title",  "description", "metric", "direction", "data",  "memory", "code",
    "result", "failure",     "output", "solutions", "rules", "budget", "complexity"};

// The placeholder at or behind `from`: where it begins, its name, where it ends.
struct Found {
  std::size_t begin = std::string_view::npos;
  std::string_view name;
  std::size_t end = 0;
};

Found NextPlaceholder(std::string_view text, std::size_t from) {
  std::size_t begin = text.find("{{", from);
  if (begin == std::string_view::npos) return {};
  std::size_t close = text.find("}}", begin);
  std::size_t line_end = std::min(text.find('\n', begin), text.size());
  if (close == std::string_view::npos || close > line_end)
    return {begin, text.substr(begin, line_end - begin), line_end};  // never closed
  return {begin, Trim(text.substr(begin + 2, close - begin - 2)), close + 2};
}

Status CheckPlaceholders(const fs::path& file, std::string_view text) {
  for (Found at = NextPlaceholder(text, 0); at.begin != std::string_view::npos;
       at = NextPlaceholder(text, at.end)) {
    if (std::ranges::find(kPlaceholders, at.name) != std::end(kPlaceholders)) continue;
    auto line =
        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at.begin), '\n');
    std::vector<std::string> names(std::begin(kPlaceholders), std::end(kPlaceholders));
    return Fail(ErrorCode::kConfig,
                file.string() + ":" + std::to_string(line) + ": there is no placeholder '" +
                    Printable(at.name.substr(0, 60)) + "'; there are: " + Join(names, ", "));
  }
  return {};
}

Result<PromptSet::Prompt> Parse(const fs::path& file, std::string_view text) {
  if (!text.starts_with(kHeader))
    return Fail(ErrorCode::kConfig,
                file.string() + ":1: the first line of a prompt is podium-prompt/1");
  PODIUM_TRY(CheckPlaceholders(file, text));
  text.remove_prefix(kHeader.size());
  std::size_t line = text.find("\n---\n");
  if (line == std::string_view::npos)
    return Fail(ErrorCode::kConfig, file.string() +
                                        ": a line '---' must stand between the system message and "
                                        "the user's");
  std::string_view user = text.substr(line + 5);
  if (user.ends_with('\n')) user.remove_suffix(1);
  return PromptSet::Prompt{std::string(text.substr(0, line)), std::string(user)};
}

std::string Filled(std::string_view text, const std::map<std::string_view, std::string>& values) {
  std::string out;
  std::size_t done = 0;
  for (Found at = NextPlaceholder(text, 0); at.begin != std::string_view::npos;
       at = NextPlaceholder(text, at.end)) {
    out += text.substr(done, at.begin - done);
    if (auto value = values.find(at.name); value != values.end()) out += value->second;
    done = at.end;
  }
  return out + std::string(text.substr(done));
}

}  // namespace

fs::path PromptSet::Find(const std::string& name_or_dir) {
  if (name_or_dir.find('/') != std::string::npos) return name_or_dir;
  return ShareDir() / "agents" / "operators" / "prompts" / name_or_dir;
}

Result<std::shared_ptr<const PromptSet>> PromptSet::Load(const fs::path& dir) {
  auto out = std::make_shared<PromptSet>();
  std::error_code ec;
  if (!fs::is_directory(dir, ec))
    return Fail(ErrorCode::kConfig, "there is no folder of prompts " + dir.string() +
                                        " (podium, aide, aira, or a path with a '/')");
  std::string all;
  std::vector<std::string_view> names(std::begin(kFiles), std::end(kFiles));
  for (std::string_view name : kOptional) {
    if (fs::exists(dir / (std::string(name) + ".md"), ec)) names.push_back(name);
  }
  for (std::string_view name : names) {
    fs::path file = dir / (std::string(name) + ".md");
    PODIUM_ASSIGN(auto text, ReadFile(file, 1 << 20));
    PODIUM_ASSIGN(out->prompts_[std::string(name)], Parse(file, text));
    all += std::string(name) + " " + Digest::Of(text).hex() + "\n";
  }
  out->digest_ = Digest::Of(all);
  out->prompts_.try_emplace(std::string(kEnsembleFile), out->prompts_["crossover"]);
  return out;
}

PromptSet::Prompt PromptSet::Render(std::string_view prompt,
                                    const std::map<std::string_view, std::string>& values) const {
  auto found = prompts_.find(prompt);
  if (found == prompts_.end()) return {};
  return {Filled(found->second.system, values), Filled(found->second.user, values)};
}

}  // namespace podium::agents
