#include "sandbox/images/image.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <set>

#include "base/files.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/images/in_use.h"
#include "sandbox/images/layer_recipe.h"
#include "sandbox/images/layered_images.h"
#include "sandbox/images/store.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

std::vector<Image> BuiltImages(const fs::path& cache) {
  std::vector<Image> out;
  std::error_code ec;
  for (fs::directory_iterator it(cache / "images", ec), end; !ec && it != end; it.increment(ec)) {
    if (it->path().filename().string().starts_with('.')) continue;
    if (auto image = ReadBuiltImage(it->path())) out.push_back(std::move(*image));
  }
  return out;
}

// A tree leaves its place whole before it is removed, so that no half of it is ever found.
Status RemoveWhole(const ImageStore& store, const fs::path& dir) {
  if (dir.parent_path() == store.root() / ".tmp") return RemoveTree(dir);
  PODIUM_ASSIGN(auto temp, store.MakeTemp());
  fs::path away = temp / dir.filename();
  if (::rename(dir.c_str(), away.c_str()) != 0)
    return FailErrno(ErrorCode::kIo, "cannot remove " + dir.string(), errno);
  return RemoveTree(temp);
}

// Digests of every layer that a name holds. A name that cannot be read holds we know not what, so
// nothing may be collected.
Result<std::set<std::string>> NamedLayers(const ImageStore& store) {
  std::set<std::string> out;
  for (const auto& name : store.Names()) {
    fs::path path = store.root() / "names" / name / "image.json";
    PODIUM_ASSIGN(auto text, ReadFile(path, 16 << 20));
    PODIUM_ASSIGN(Json json, ParseJson(text, path.string()));
    PODIUM_ASSIGN(auto layers, JsonGet<std::vector<std::string>>(json, "layers"));
    out.insert(layers.begin(), layers.end());
  }
  return out;
}

std::vector<fs::path> Children(const fs::path& dir) {
  std::vector<fs::path> out;
  std::error_code ec;
  for (fs::directory_iterator it(dir, ec), end; !ec && it != end; it.increment(ec))
    out.push_back(it->path());
  std::ranges::sort(out);
  return out;
}

Status CheckNothingStandsOn(const ImageStore& store, const std::string& name) {
  for (const auto& other : store.Names()) {
    auto image = store.ReadName(other);
    if (image && image->base == name)
      return Fail(ErrorCode::kBusy, "image '" + other + "' stands on '" + name +
                                        "': `podium image rm " + other + "` first");
  }
  return {};
}

// True while another process builds into <images>/.building-<name>.
bool IsBuilding(const ImageStore& store, const std::string& name) {
  auto lock = FileLock::TryTake(store.root() / ("." + name + ".lock"));
  return !lock || !*lock;
}

}  // namespace

Result<Image> FindImage(const std::string& name, const fs::path& cache) {
  if (IsRecipePath(name)) return FindByRecipe(name, cache);
  auto recipe = ReadRecipe(name);
  if (recipe) {
    auto image = ReadBuiltImage(cache / "images" / (name + "-" + recipe->digest.substr(0, 12)));
    if (image) return image;
    return Fail(ErrorCode::kNotFound,
                "image '" + name +
                    "' is not built yet (or its recipe changed): run `podium image build " + name +
                    "`, about 2 minutes");
  }
  if (recipe.error().code != ErrorCode::kNotFound) return tl::unexpected(recipe.error());
  ImageStore store(cache);
  std::error_code ec;
  if (IsIdText(name) && fs::exists(store.root() / "names" / name / "image.json", ec))
    return ReadLayered(store, name, cache);
  std::vector<std::string> known = store.Names();
  for (const auto& image : BuiltImages(cache)) known.push_back(image.name);
  return Fail(ErrorCode::kNotFound, "there is no image '" + Printable(name) + "'." +
                                        Suggest(name, known) +
                                        " `podium image ls` shows them, `podium image import` and "
                                        "`podium image build` make one");
}

std::vector<Image> ListImages(const fs::path& cache) {
  std::vector<Image> out = BuiltImages(cache);
  ImageStore store(cache);
  for (const auto& name : store.Names()) {
    auto image = ReadLayered(store, name, cache);
    if (!image) image = store.ReadName(name);  // what it stood on is gone
    if (image) out.push_back(std::move(*image));
  }
  std::ranges::sort(out, {}, &Image::created);
  return out;
}

bool IsInUse(const Image& image) {
  auto mounted = MountedFolders::Now();
  return std::ranges::any_of(image.layers, [&](const auto& dir) { return mounted.Holds(dir); });
}

Status RemoveImage(const std::string& name, const fs::path& cache) {
  ImageStore store(cache);
  PODIUM_TRY(CheckNothingStandsOn(store, name));
  std::error_code ec;
  fs::path entry = store.root() / "names" / name;
  if (IsIdText(name) && fs::exists(entry / "image.json", ec)) {
    PODIUM_ASSIGN(auto lock, store.Lock(false));
    return RemoveWhole(store, entry);
  }
  PODIUM_ASSIGN(auto lock, store.Lock(true));
  bool found = false;
  for (const auto& image : BuiltImages(cache)) {
    if (image.name != name) continue;
    found = true;
    if (IsInUse(image)) return Fail(ErrorCode::kBusy, "a sandbox uses image '" + name + "' now");
    PODIUM_TRY(RemoveWhole(store, image.rootfs.parent_path()));
  }
  if (found) return {};
  return Fail(ErrorCode::kNotFound,
              "there is no image '" + Printable(name) + "': `podium image ls` shows them");
}

Result<std::vector<Garbage>> CollectImages(const fs::path& cache, bool dry_run) {
  ImageStore store(cache);
  PODIUM_ASSIGN(auto lock, store.Lock(true));
  PODIUM_ASSIGN(auto named, NamedLayers(store));
  auto mounted = MountedFolders::Now();
  std::vector<Garbage> out;
  for (const auto& dir : Children(store.root() / "layers")) {
    if (!named.contains(dir.filename().string()) && !mounted.Holds(dir / "rootfs"))
      out.push_back({dir, "layer"});
  }
  for (const auto& step : Children(store.root() / "steps")) {
    if (!KnownStep(store, step.filename())) out.push_back({step, "step without its layer"});
  }
  for (const auto& dir : Children(store.root() / ".tmp")) out.push_back({dir, "unfinished import"});
  for (const auto& dir : Children(store.root())) {
    constexpr std::string_view kBuilding = ".building-";
    std::string name = dir.filename();
    if (name.starts_with(kBuilding) && !IsBuilding(store, name.substr(kBuilding.size())))
      out.push_back({dir, "unfinished build"});
  }
  for (const auto& image : BuiltImages(cache)) {
    auto recipe = ReadRecipe(image.name);
    if (recipe && recipe->digest != image.recipe_digest && !mounted.Holds(image.rootfs))
      out.push_back({image.rootfs.parent_path(), "old build"});
  }
  for (auto& garbage : out) {
    garbage.bytes = TreeBytes(garbage.path);
    if (!dry_run) PODIUM_TRY(RemoveWhole(store, garbage.path));
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> EnvironmentOf(const Image& image) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& entry : image.config.env) {
    std::size_t equals = entry.find('=');
    bool good = equals != std::string::npos && equals > 0 && entry.find('\0') == std::string::npos;
    if (good) out.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return out;
}

}  // namespace podium::sandbox
