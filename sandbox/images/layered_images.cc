#include "sandbox/images/layered_images.h"

#include <algorithm>

#include "base/digest.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/images/layer_recipe.h"
#include "sandbox/images/recipe_lock.h"

namespace podium::sandbox {

namespace fs = std::filesystem;

Result<Image> ReadLayered(const ImageStore& store, const std::string& name, const fs::path& cache) {
  PODIUM_ASSIGN(auto image, store.ReadName(name));
  if (image.base.empty()) return image;
  auto again = [&](const std::string& why) {
    return Fail(ErrorCode::kNotFound, "image '" + name + "' stands on '" + image.base + "', " +
                                          why + ": `podium image build " + image.source +
                                          " --update` builds it anew");
  };
  if (image.base == name) return again("which is itself");
  auto base = FindImage(image.base, cache);
  if (!base) return again("which is not here (" + base.error().message + ")");
  if (base->digest != image.base_digest)
    return again("which is another now (" + base->digest.substr(0, 16) + " instead of " +
                 image.base_digest.substr(0, 16) + ")");
  for (const auto& layer : base->layers) {
    if (std::ranges::find(image.layers, layer) == image.layers.end()) image.layers.push_back(layer);
  }
  image.rootfs.clear();
  return image;
}

Result<Image> FindByRecipe(const std::string& path, const fs::path& cache) {
  PODIUM_ASSIGN(auto recipe, ReadLayerRecipe(path));
  auto build = [&](const std::string& why) {
    return Fail(ErrorCode::kNotFound, "the image of " + path + " " + why);
  };
  PODIUM_ASSIGN(auto lock, ReadLock(recipe));
  if (!lock) return build("is not built yet: run `podium image build " + path + "`");
  auto base = FindImage(recipe.from, cache);
  if (!base)
    return Fail(base.error().code, recipe.from_place + ": 'from': " + base.error().message);
  PODIUM_ASSIGN(auto now, LockOf(recipe, base->digest));
  auto differ = Differences(*lock, now);
  if (!differ.empty())
    return build("is of another recipe than its lock:\n  " + Join(differ, "\n  ") +
                 "\nRun `podium image build " + path + " --update`");
  ImageStore store(cache);
  std::string name = LayeredName(recipe, *lock);
  std::error_code ec;
  if (!fs::exists(store.root() / "names" / name / "image.json", ec))
    return build("is not built here yet: run `podium image build " + path + "`");
  return ReadLayered(store, name, cache);
}

std::string LayeredDigest(const Image& image) {
  Json manifest = {{"schema", "podium-image/3"},
                   {"base", image.base_digest},
                   {"env", image.config.env},
                   {"layers", image.layer_digests}};
  return Digest::Of(DumpJson(manifest)).hex();
}

Result<ImportedLayer> PutTar(const ImageStore& store, const fs::path& tar, const fs::path& temp) {
  UnpackLimits limits;
  PODIUM_ASSIGN(auto file, OpenArchive(tar));
  PODIUM_ASSIGN(auto end, DigestUncompressed(std::move(file), limits, {}));
  PODIUM_ASSIGN(auto again, OpenArchive(tar));
  return store.PutLayer(again, end.digest.hex(), temp, limits, {});
}

std::optional<ImportedLayer> KnownStep(const ImageStore& store, const std::string& key) {
  auto layer = ReadFile(store.root() / "steps" / key, 256);
  if (!layer || !Digest::Parse(Trim(*layer))) return std::nullopt;
  return store.FindLayer(std::string(Trim(*layer)));
}

Status NoteStep(const ImageStore& store, const std::string& key, const std::string& layer) {
  PODIUM_TRY(MakeDirs(store.root() / "steps"));
  return WriteFileAtomic(store.root() / "steps" / key, layer + "\n");
}

}  // namespace podium::sandbox
