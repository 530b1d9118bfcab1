#include "agents/operators/prompt_set.h"

#include <algorithm>
#include <vector>

#include "base/files.h"
#include "base/text.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFiles[] = {"draft", "debug", "improve", "crossover", "review"};
// Where it is missing, crossover.md stands in: its placeholders are the same.
constexpr std::string_view kEnsembleFile = "ensemble";
constexpr std::string_view kOptional[] = {kEnsembleFile, "leak"};
constexpr std::string_view kPlaceholders[] = {"title",   "description", "metric",    "direction",
                                              "data",    "memory",      "code",      "result",
                                              "failure", "output",      "solutions", "rules",
                                              "budget",  "complexity",  "knowledge"};

std::vector<std::string> AllFiles() {
  std::vector<std::string> out;
  for (std::string_view name : kFiles) out.emplace_back(name);
  for (std::string_view name : kOptional) out.emplace_back(name);
  return out;
}

// Each file of a variant stands for one of the set.
Status CheckVariant(const fs::path& folder) {
  std::vector<std::string> known = AllFiles();
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    std::string name = it->path().stem().string();
    if (it->path().extension() == ".md" && std::ranges::find(known, name) == known.end())
      return Fail(ErrorCode::kConfig, it->path().string() + ": a set of prompts has no '" + name +
                                          "'." + Suggest(name, known) +
                                          " It has: " + Join(known, ", "));
  }
  return {};
}

// Its folder; empty: the set as it is.
Result<fs::path> FindVariant(const fs::path& dir, std::string_view variant) {
  if (variant == PromptSet::kDefault) return fs::path();
  std::vector<std::string> known = VariantsIn(dir / "variants", true);
  if (std::ranges::find(known, variant) == known.end())
    return tl::unexpected(NoSuchVariant(dir.string(), variant, std::move(known)));
  fs::path out = dir / "variants" / variant;
  PODIUM_TRY(CheckVariant(out));
  return out;
}

}  // namespace

fs::path PromptSet::Find(const std::string& name_or_dir) {
  if (name_or_dir.find('/') != std::string::npos) return name_or_dir;
  return ShareDir() / "agents" / "operators" / "prompts" / name_or_dir;
}

Result<std::shared_ptr<const PromptSet>> PromptSet::Load(const fs::path& dir,
                                                         std::string_view variant) {
  auto out = std::make_shared<PromptSet>();
  std::error_code ec;
  if (!fs::is_directory(dir, ec))
    return Fail(ErrorCode::kConfig, "there is no folder of prompts " + dir.string() +
                                        " (podium, aide, aira, or a path with a '/')");
  PODIUM_ASSIGN(fs::path other, FindVariant(dir, variant));
  auto file_of = [&](std::string_view name) {
    fs::path file = other / (std::string(name) + ".md");
    return !other.empty() && fs::exists(file, ec) ? file : dir / file.filename();
  };
  std::string all;
  std::vector<std::string_view> names(std::begin(kFiles), std::end(kFiles));
  for (std::string_view name : kOptional) {
    if (fs::exists(file_of(name), ec)) names.push_back(name);
  }
  for (std::string_view name : names) {
    fs::path file = file_of(name);
    PODIUM_ASSIGN(auto text, ReadFile(file, 1 << 20));
    PODIUM_ASSIGN(out->prompts_[std::string(name)], ParsePrompt(file, text, kPlaceholders));
    all += std::string(name) + " " + Digest::Of(text).hex() + "\n";
  }
  out->digest_ = Digest::Of(all);
  out->prompts_.try_emplace(std::string(kEnsembleFile), out->prompts_["crossover"]);
  return out;
}

Prompt PromptSet::Render(std::string_view prompt,
                         const std::map<std::string_view, std::string>& values) const {
  auto found = prompts_.find(prompt);
  if (found == prompts_.end()) return {};
  return found->second.Filled(values);
}

}  // namespace podium::agents
