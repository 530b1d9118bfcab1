#pragma once

#include <filesystem>

#include "base/result.h"
#include "sandbox/images/image.h"

namespace podium::sandbox {

// Writes the image as one tar that is an OCI layout and what `docker load` reads, its layers
// uncompressed: `podium image import` elsewhere, skopeo or docker take it. `to` must not exist.
// Blocks; needs as much room again in the cache.
[[nodiscard]] Status ExportImage(const Image& image, const std::filesystem::path& to,
                                 const std::filesystem::path& cache, const SayProgress& progress);

}  // namespace podium::sandbox
