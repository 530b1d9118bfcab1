#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "sandbox/images/image.h"
#include "sandbox/images/store.h"

// Images that stand on another: their own layers are in the store under a name, and the image below
// is looked up when they are read.
namespace podium::sandbox {

// The image of that name with the layers of what it stands on. An error where that is gone or has
// become another.
[[nodiscard]] Result<Image> ReadLayered(const ImageStore& store, const std::string& name,
                                        const std::filesystem::path& cache);

// The image of a recipe given by path, which must be built and as its recipe and lock say.
[[nodiscard]] Result<Image> FindByRecipe(const std::string& path,
                                         const std::filesystem::path& cache);

// Over its layers and the image below.
[[nodiscard]] std::string LayeredDigest(const Image& image);

// An uncompressed tar as a layer of the store; `temp` is a folder for work.
[[nodiscard]] Result<ImportedLayer> PutTar(const ImageStore& store,
                                           const std::filesystem::path& tar,
                                           const std::filesystem::path& temp);

// Which layer a step of a recipe gave, by the digest of all it follows from
// (<images>/steps/<key>). A layer that was collected is forgotten.
[[nodiscard]] std::optional<ImportedLayer> KnownStep(const ImageStore& store,
                                                     const std::string& key);
[[nodiscard]] Status NoteStep(const ImageStore& store, const std::string& key,
                              const std::string& layer);

}  // namespace podium::sandbox
