#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace podium::sandbox {

// What an imported image says about itself. Recorded for people; nothing here is ever run, and of
// it the environment alone reaches an agent.
struct ImageConfig {
  std::vector<std::string> env, entrypoint, command;
  std::string workdir, user;
};

// An unpacked root file system. Three kinds share the cache:
// - built from a shipped recipe: one folder, <cache>/images/<name>-<recipe digest>/rootfs;
// - imported: <cache>/images/names/<name>/image.json, which names content-addressed layers;
// - layered (a recipe given by path): the same, and the image that it stands on.
struct Image {
  std::string name;
  std::string kind;           // "recipe", "folder", "tar", "oci", "docker-save", "layered"
  std::string digest;         // recipe: over every file; else over the layers' digests in order
  std::string recipe_digest;  // of the recipe file
  std::string source;         // where it was imported from, as the user named it
  std::string created;        // ISO 8601
  std::uint64_t bytes = 0;
  std::vector<std::string> packages;  // "python3-numpy 1:1.24.2-1"
  ImageConfig config;
  std::string base, base_digest;           // of a layered one: what it stands on
  std::vector<std::string> layer_digests;  // diff_ids, topmost first; empty for a recipe's image
  // Folders in overlayfs' own format (whiteouts are 0/0 character devices, opaque folders carry
  // trusted.overlay.opaque), topmost first: joined by ':' they are an overlay's lowerdir.
  std::vector<std::filesystem::path> layers;
  std::filesystem::path rootfs;  // the one layer; empty when there are several
};

// Its environment as pairs; what is no "NAME=value" is left out.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> EnvironmentOf(const Image& image);

// What an image is made from: configs/sandboxes/<name>.yaml (podium-image/1).
struct Recipe {
  std::string suite;
  std::vector<std::string> packages, exclude, remove;
  std::string digest;  // of the file
};
[[nodiscard]] Result<Recipe> ReadRecipe(const std::string& name);

using SayProgress = std::function<void(std::string_view)>;

// Builds the image of a recipe (configs/sandboxes/<name>.yaml: a Debian suite and packages) with
// mmdebstrap from the apt sources this host uses, or returns the one that is built already. Takes a
// minute or two; progress lines come meanwhile. Needs root.
[[nodiscard]] Result<Image> BuildImage(const std::string& name, const std::filesystem::path& cache,
                                       const SayProgress& progress, Deadline deadline);

struct ImportOptions {
  std::filesystem::path source;  // a folder or a file
  std::string name;              // empty: from the source's file name
  std::string ref;               // which image of a source that holds several
  SayProgress progress;
};
struct ImportedLayer {
  std::string digest;
  std::uint64_t bytes = 0, members = 0;
  bool reused = false;                                       // it was in the cache
  std::vector<std::pair<std::string, std::uint64_t>> notes;  // {"devices dropped", 12}
};
struct Imported {
  Image image;
  std::vector<ImportedLayer> layers;  // topmost first
};

// Imports a root file system (folder or tar), an OCI image layout or a `docker save` archive
// (folder or tar) under a name; an imported image of that name is replaced. Every rule of
// docs/images.md holds or nothing is imported. Blocking; needs root.
[[nodiscard]] Result<Imported> ImportImage(const ImportOptions& options,
                                           const std::filesystem::path& cache);

// The image by name: a recipe's, else an imported one; or by the path of its recipe. When it is not
// built, was built from another version of its recipe or is not there, an error that says what to
// do.
[[nodiscard]] Result<Image> FindImage(const std::string& name, const std::filesystem::path& cache);
[[nodiscard]] std::vector<Image> ListImages(const std::filesystem::path& cache);
// True while a sandbox of this host has a layer of it mounted.
[[nodiscard]] bool IsInUse(const Image& image);

// Forgets an image: an imported one's layers stay until CollectImages; a recipe's files go at once.
[[nodiscard]] Status RemoveImage(const std::string& name, const std::filesystem::path& cache);

struct Garbage {
  std::filesystem::path path;
  std::string what;  // "layer", "unfinished import", "unfinished build", "old build"
  std::uint64_t bytes = 0;
};
// Removes what no image names, what was left half done and builds of older recipes; never what a
// sandbox has mounted. With `dry_run` it only lists. An error while an import or build is at work.
[[nodiscard]] Result<std::vector<Garbage>> CollectImages(const std::filesystem::path& cache,
                                                         bool dry_run);

}  // namespace podium::sandbox
