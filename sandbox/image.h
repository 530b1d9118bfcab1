#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace podium::sandbox {

// An unpacked root file system under <cache>/images/<name>-<recipe digest>/, with image.json beside
// it.
struct Image {
  std::string name;
  std::string digest;         // over every file of the root file system: what ran, exactly
  std::string recipe_digest;  // of the recipe file
  std::string created;        // ISO 8601
  std::uint64_t bytes = 0;
  std::vector<std::string> packages;  // "python3-numpy 1:1.24.2-1"
  std::filesystem::path rootfs;
};

// What an image is made from: configs/sandboxes/<name>.yaml (podium-image/1).
struct Recipe {
  std::string suite;
  std::vector<std::string> packages, exclude, remove;
  std::string digest;  // of the file
};
[[nodiscard]] Result<Recipe> ReadRecipe(const std::string& name);

// Builds the image of a recipe (configs/sandboxes/<name>.yaml: a Debian suite and packages) with
// mmdebstrap from the apt sources this host uses, or returns the one that is built already. Takes a
// minute or two; progress lines come meanwhile. Needs root.
[[nodiscard]] Result<Image> BuildImage(const std::string& name, const std::filesystem::path& cache,
                                       const std::function<void(std::string_view)>& progress,
                                       Deadline deadline);

// The image by name; when it is not built, or was built from another version of its recipe, an
// error that says how to build it.
[[nodiscard]] Result<Image> FindImage(const std::string& name, const std::filesystem::path& cache);
[[nodiscard]] std::vector<Image> ListImages(const std::filesystem::path& cache);

}  // namespace podium::sandbox
