#include "sandbox/images/recipe_lock.h"

#include <algorithm>

#include "base/digest.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSchema = "podium-image-lock/1";

Json ToJson(const std::vector<LockedPackage>& packages) {
  Json out = Json::array();
  for (const auto& p : packages)
    out.push_back({{"name", p.name}, {"version", p.version}, {"file", p.file}, {"hash", p.hash}});
  return out;
}

Result<std::vector<LockedPackage>> ToPackages(const Json& list) {
  std::vector<LockedPackage> out;
  for (const Json& one : list) {
    LockedPackage p;
    PODIUM_ASSIGN(p.name, JsonGet<std::string>(one, "name"));
    PODIUM_ASSIGN(p.version, JsonGet<std::string>(one, "version"));
    PODIUM_ASSIGN(p.file, JsonGet<std::string>(one, "file"));
    PODIUM_ASSIGN(p.hash, JsonGet<std::string>(one, "hash"));
    out.push_back(std::move(p));
  }
  return out;
}

std::string Called(const LockedPackage& p) {
  return p.version.empty() ? p.name : p.name + " " + p.version;
}

}  // namespace

fs::path LockPath(const LayerRecipe& recipe) {
  return recipe.file.parent_path() / (recipe.stem + ".lock.json");
}

Result<RecipeLock> ParseLock(const std::string& text, const std::string& name) {
  PODIUM_ASSIGN(Json json, ParseJson(text, name));
  if (JsonOr<std::string>(json, "schema", "") != kSchema)
    return Fail(ErrorCode::kConfig, name + ": schema must be " + kSchema);
  RecipeLock out;
  Json from = JsonOr<Json>(json, "from", Json::object());
  PODIUM_ASSIGN(out.from, JsonGet<std::string>(from, "name"));
  PODIUM_ASSIGN(out.from_digest, JsonGet<std::string>(from, "digest"));
  using Words = std::map<std::string, std::vector<std::string>>;
  PODIUM_ASSIGN(out.asked, JsonGet<Words>(json, "asked"));
  for (const char* kind : {"apt", "pip", "npm"}) {
    if (!json.contains(kind)) continue;
    PODIUM_ASSIGN(out.fetched[kind], ToPackages(json[kind]));
  }
  if (json.contains("npm_lock")) out.npm_lock = DumpJson(json["npm_lock"], 1);
  PODIUM_ASSIGN(out.copied, ToPackages(JsonOr<Json>(json, "copied", Json::array())));
  out.layers = JsonOr<std::vector<std::string>>(json, "layers", {});
  return out;
}

Result<std::optional<RecipeLock>> ReadLock(const LayerRecipe& recipe) {
  fs::path path = LockPath(recipe);
  std::error_code ec;
  if (!fs::exists(path, ec)) return std::nullopt;
  PODIUM_ASSIGN(auto text, ReadFile(path, 64 << 20));
  auto lock = ParseLock(text, path.string());
  if (lock) return std::optional(std::move(*lock));
  return Fail(lock.error().code,
              lock.error().message + "; `podium image build --update` writes the lock anew");
}

std::string LockText(const RecipeLock& lock) {
  Json json = {{"schema", kSchema},
               {"from", {{"name", lock.from}, {"digest", lock.from_digest}}},
               {"asked", lock.asked},
               {"copied", ToJson(lock.copied)},
               {"layers", lock.layers}};
  for (const auto& [kind, packages] : lock.fetched) json[kind] = ToJson(packages);
  if (!lock.npm_lock.empty()) {
    if (auto npm = ParseJson(lock.npm_lock, "package-lock.json"))
      json["npm_lock"] = std::move(*npm);
  }
  return DumpJson(json, 1) + "\n";
}

Result<RecipeLock> LockOf(const LayerRecipe& recipe, const std::string& from_digest) {
  RecipeLock out;
  out.from = recipe.from;
  out.from_digest = from_digest;
  for (const auto& step : recipe.steps) {
    auto& words = out.asked[std::string(StepText(step.kind))];
    words.insert(words.end(), step.words.begin(), step.words.end());
    for (const auto& [from, to] : step.copies) words.push_back(from + " -> " + to);
    if (!step.sources.empty()) out.asked["pip_source"] = step.sources;
  }
  for (const auto& [name, value] : recipe.env) out.asked["env"].push_back(name + "=" + value);
  PODIUM_ASSIGN(auto copied, CopiedFiles(recipe));
  for (const auto& file : copied)
    out.copied.push_back(
        {file.from, file.executable ? "executable" : "", file.inside, file.sha256});
  return out;
}

std::vector<std::string> PackageDifferences(const std::string& kind,
                                            const std::vector<LockedPackage>& locked,
                                            const std::vector<LockedPackage>& now) {
  // npm has several versions of one package, which where they lie tells apart.
  bool by_file = kind == "npm" || kind == "copy";
  auto by_place = [by_file](const std::vector<LockedPackage>& packages) {
    std::map<std::string, LockedPackage> out;
    for (const auto& p : packages) out.emplace(by_file ? p.file : p.name, p);
    return out;
  };
  auto before = by_place(locked), after = by_place(now);
  std::vector<std::string> out;
  for (const auto& [place, p] : before) {
    auto found = after.find(place);
    if (found == after.end()) {
      out.push_back(kind + ": " + Called(p) + " is missing");
    } else if (found->second.version != p.version) {
      out.push_back(kind + ": " + Called(found->second) + " instead of " + p.version);
    } else if (found->second != p) {
      out.push_back(kind + ": " + Called(p) + " has other bytes: " + found->second.hash +
                    " instead of " + p.hash);
    }
  }
  for (const auto& [place, p] : after) {
    if (!before.contains(place)) out.push_back(kind + ": " + Called(p) + " is not in the lock");
  }
  return out;
}

std::vector<std::string> Differences(const RecipeLock& locked, const RecipeLock& now) {
  std::vector<std::string> out;
  if (locked.from != now.from)
    out.push_back("from: " + now.from + " instead of " + locked.from);
  else if (locked.from_digest != now.from_digest)
    out.push_back("from: " + now.from + " is " + now.from_digest.substr(0, 16) + " instead of " +
                  locked.from_digest.substr(0, 16));
  auto asked = locked.asked;
  for (const auto& [step, words] : now.asked) asked.try_emplace(step);
  for (const auto& [step, words] : asked) {
    auto found = now.asked.find(step);
    auto other = found == now.asked.end() ? std::vector<std::string>() : found->second;
    if (words != other)
      out.push_back(step + ": the recipe says [" + Join(other, ", ") + "] instead of [" +
                    Join(words, ", ") + "]");
  }
  auto copied = PackageDifferences("copy", locked.copied, now.copied);
  out.insert(out.end(), copied.begin(), copied.end());
  for (const auto& [kind, packages] : now.fetched) {
    auto found = locked.fetched.find(kind);
    if (found == locked.fetched.end()) continue;
    auto lines = PackageDifferences(kind, found->second, packages);
    out.insert(out.end(), lines.begin(), lines.end());
  }
  return out;
}

Result<std::vector<LockedPackage>> NpmPackages(const std::string& package_lock) {
  PODIUM_ASSIGN(Json json, ParseJson(package_lock, "package-lock.json"));
  std::vector<LockedPackage> out;
  Json packages = JsonOr<Json>(json, "packages", Json::object());
  for (const auto& [place, entry] : packages.items()) {
    std::string version = JsonOr<std::string>(entry, "version", "");
    constexpr std::string_view kFolder = "node_modules/";
    std::size_t at = place.rfind(kFolder);
    if (at == std::string::npos || version.empty()) continue;
    out.push_back({place.substr(at + kFolder.size()), version, place,
                   JsonOr<std::string>(entry, "integrity", "")});
  }
  return out;
}

std::string LayeredName(const LayerRecipe& recipe, const RecipeLock& lock) {
  RecipeLock named = lock;
  named.layers.clear();
  return recipe.stem + "-" + Digest::Of(LockText(named)).hex().substr(0, 12);
}

}  // namespace podium::sandbox
