#include "sandbox/images/layer_recipe.h"

#include <algorithm>

#include "base/digest.h"
#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/ids.h"
#include "base/text.h"
#include "base/yaml.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr ForeignBounds kBounds{.entries = 100'000, .depth = 32};

// A package with its version as its client takes it: one word that is no option.
Status CheckPackages(const YamlNode& list, const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    bool plain =
        !word.empty() && word[0] != '-' && word.find_first_of(" \t\n") == std::string::npos;
    if (!plain)
      return list.items[i].Complain("'" + Printable(word) +
                                    "' is not a package: one word, with its version as pip, npm or "
                                    "apt write it");
  }
  return {};
}

bool IsInside(const std::string& path) {
  if (!path.starts_with('/') || path.size() < 2) return false;
  auto parts = Split(std::string_view(path).substr(1), '/');
  return std::ranges::all_of(
      parts, [](auto part) { return !part.empty() && part != "." && part != ".."; });
}

Status CheckInside(const YamlNode& at, const std::string& path) {
  if (IsInside(path)) return {};
  return at.Complain("expected an absolute path inside the image without '.' and '..', found '" +
                     Printable(path) + "'");
}

RecipeStep StepAt(StepKind kind, const YamlNode& at) {
  RecipeStep out;
  out.kind = kind;
  out.place = at.place();
  return out;
}

// apt, pip, npm, remove: one step of all their words.
Status AddWords(YamlMap& map, StepKind kind, std::vector<RecipeStep>& steps) {
  const YamlNode* node = map.Get(StepText(kind));
  if (!node) return {};
  RecipeStep step = StepAt(kind, *node);
  PODIUM_ASSIGN(step.words, node->AsStrings());
  if (kind == StepKind::kRemove) {
    for (std::size_t i = 0; i < step.words.size(); ++i)
      PODIUM_TRY(CheckInside(node->items[i], step.words[i]));
  } else {
    PODIUM_TRY(CheckPackages(*node, step.words));
  }
  if (!step.words.empty()) steps.push_back(std::move(step));
  return {};
}

// Which of pip's packages are built from their source.
Status AddSources(YamlMap& map, std::vector<RecipeStep>& steps) {
  const YamlNode* node = map.Get("pip_source");
  if (!node) return {};
  auto pip = std::ranges::find(steps, StepKind::kPip, &RecipeStep::kind);
  if (pip == steps.end()) return node->Complain("'pip_source' goes with 'pip'");
  PODIUM_ASSIGN(pip->sources, node->AsStrings());
  for (std::size_t i = 0; i < pip->sources.size(); ++i) {
    if (!IsIdText(Lower(pip->sources[i])))
      return node->items[i].Complain("'" + Printable(pip->sources[i]) +
                                     "' is not a package's name");
  }
  return {};
}

// run: a layer for each command.
Status AddCommands(YamlMap& map, std::vector<RecipeStep>& steps) {
  const YamlNode* node = map.Get("run");
  if (!node) return {};
  PODIUM_ASSIGN(auto commands, node->AsStrings());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    RecipeStep step = StepAt(StepKind::kRun, node->items[i]);
    step.words = {commands[i]};
    steps.push_back(std::move(step));
  }
  return {};
}

Status AddCopies(YamlMap& map, std::vector<RecipeStep>& steps) {
  const YamlNode* node = map.Get("copy");
  if (!node) return {};
  if (node->kind != YamlNode::Kind::kMap)
    return node->Complain("expected `copy: {file or folder beside the recipe: /path inside}`");
  RecipeStep step = StepAt(StepKind::kCopy, *node);
  for (const auto& [from, value] : node->entries) {
    PODIUM_ASSIGN(auto to, value.AsString());
    PODIUM_TRY(CheckInside(value, to));
    if (!IsNameBeneath(from))
      return value.Complain("'" + Printable(from) +
                            "' must be the name of a file or folder beside the recipe");
    step.copies.emplace_back(from, to);
  }
  if (!step.copies.empty()) steps.push_back(std::move(step));
  return {};
}

Status ReadEnv(YamlMap& map, LayerRecipe& recipe) {
  const YamlNode* node = map.Get("env");
  if (!node) return {};
  if (node->kind != YamlNode::Kind::kMap) return node->Complain("expected `env: {NAME: value}`");
  for (const auto& [name, value] : node->entries) {
    PODIUM_ASSIGN(auto text, value.AsString());
    bool good = !name.empty() && name.find_first_of("= \n") == std::string::npos;
    if (!good) return value.Complain("'" + Printable(name) + "' is not a variable's name");
    recipe.env.emplace_back(name, text);
  }
  return {};
}

Status ReadRegistries(YamlMap& map, LayerRecipe& recipe) {
  const YamlNode* node = map.Get("registries");
  if (!node) return {};
  PODIUM_ASSIGN(auto inner, YamlMap::From(*node));
  for (auto [key, url] :
       {std::pair{"pip", &recipe.registries.pip}, {"npm", &recipe.registries.npm}}) {
    PODIUM_ASSIGN(*url, inner.StringOr(key, ""));
    bool web = url->empty() || url->starts_with("https://") || url->starts_with("http://");
    if (!web)
      return inner.Get(key)->Complain("expected the URL of a registry, found '" + *url + "'");
  }
  if (const YamlNode* hosts = inner.Get("hosts")) {
    PODIUM_ASSIGN(recipe.registries.hosts, hosts->AsStrings());
  }
  return inner.Finish();
}

std::string StemOf(const fs::path& file) {
  std::string name = file.filename();
  for (std::string_view end : {".yaml", ".yml"}) {
    if (name.ends_with(end)) name.resize(name.size() - end.size());
  }
  return name;
}

// The file or folder `from` of the step, which becomes `to` inside.
Status AddCopied(const ForeignFolder& around, const RecipeStep& step, const std::string& from,
                 const std::string& to, std::vector<CopiedFile>& out) {
  std::error_code ec;
  fs::file_status what = fs::symlink_status(around.path() / from, ec);
  if (!fs::exists(what))
    return Fail(ErrorCode::kConfig,
                step.place + ": 'copy' names '" + from + "', which is not beside the recipe");
  std::string inside = to.substr(1);
  if (!fs::is_directory(what)) {
    PODIUM_ASSIGN(auto digest, around.DigestOf(from));
    bool runs = (what.permissions() & fs::perms::owner_exec) != fs::perms::none;
    out.push_back({from, inside, digest.hex(), runs});
    return {};
  }
  PODIUM_ASSIGN(auto folder, around.Folder(from));
  PODIUM_ASSIGN(auto entries, folder.List(kBounds));
  for (const auto& entry : entries) {
    if (entry.folder) continue;
    PODIUM_ASSIGN(auto digest, folder.DigestOf(entry.name));
    out.push_back(
        {from + "/" + entry.name, inside + "/" + entry.name, digest.hex(), entry.executable});
  }
  return {};
}

}  // namespace

std::string_view StepText(StepKind kind) {
  switch (kind) {
    case StepKind::kApt:
      return "apt";
    case StepKind::kPip:
      return "pip";
    case StepKind::kNpm:
      return "npm";
    case StepKind::kCopy:
      return "copy";
    case StepKind::kRun:
      return "run";
    case StepKind::kRemove:
      return "remove";
  }
  return "run";
}

bool IsRecipePath(std::string_view image) {
  return image.find('/') != std::string_view::npos || image.ends_with(".yaml") ||
         image.ends_with(".yml");
}

Result<LayerRecipe> ReadLayerRecipe(const fs::path& file) {
  LayerRecipe out;
  out.file = file;
  out.stem = StemOf(file);
  std::error_code ec;
  if (!fs::exists(file, ec))
    return Fail(ErrorCode::kNotFound, "there is no image recipe " + file.string());
  if (!IsIdText(out.stem) || out.stem.size() > 60)
    return Fail(ErrorCode::kConfig, file.string() +
                                        ": the image is called after the file, so its name is of "
                                        "a-z, 0-9, '.', '_' and '-', at most 60");
  PODIUM_ASSIGN(out.text, ReadFile(file, 1 << 20));
  PODIUM_ASSIGN(auto root, ParseYaml(out.text, file.string()));
  PODIUM_ASSIGN(auto map, YamlMap::From(root));
  PODIUM_ASSIGN(auto schema, map.String("schema"));
  if (schema != "podium-recipe/1") return root.Complain("schema must be podium-recipe/1");
  PODIUM_ASSIGN(const YamlNode* from, map.Require("from"));
  PODIUM_ASSIGN(out.from, from->AsString());
  out.from_place = from->place();
  if (!IsIdText(out.from))
    return from->Complain("'from' is the name of an image (`podium image ls`), not '" +
                          Printable(out.from) + "'");
  for (StepKind kind : {StepKind::kApt, StepKind::kPip, StepKind::kNpm})
    PODIUM_TRY(AddWords(map, kind, out.steps));
  PODIUM_TRY(AddSources(map, out.steps));
  PODIUM_TRY(AddCopies(map, out.steps));
  PODIUM_TRY(AddCommands(map, out.steps));
  PODIUM_TRY(AddWords(map, StepKind::kRemove, out.steps));
  PODIUM_TRY(ReadEnv(map, out));
  PODIUM_TRY(ReadRegistries(map, out));
  PODIUM_TRY(map.Finish());
  if (out.steps.empty() && out.env.empty())
    return root.Complain("the recipe adds nothing to '" + out.from +
                         "': apt, pip, npm, copy, run, env or remove");
  return out;
}

Result<std::vector<CopiedFile>> CopiedFiles(const LayerRecipe& recipe) {
  fs::path beside = recipe.file.has_parent_path() ? recipe.file.parent_path() : fs::path(".");
  PODIUM_ASSIGN(auto around, ForeignFolder::Open(beside));
  std::vector<CopiedFile> out;
  for (const auto& step : recipe.steps) {
    for (const auto& [from, to] : step.copies) PODIUM_TRY(AddCopied(around, step, from, to, out));
  }
  return out;
}

}  // namespace podium::sandbox
