#pragma once

#include <filesystem>

#include "base/result.h"
#include "sandbox/spec.h"

namespace podium::sandbox {

// A layer of a workspace as a file `tar` (Sandbox::PackLayer), which is whole once it is there.
// Blocks.
[[nodiscard]] Result<PackedLayer> PackTopLayer(const Snapshot::Layer& layer,
                                               const std::filesystem::path& tar);

// The same back into the empty folder `dir`, its files those of the range that begins at first_id.
// Blocks. What is no such layer is an error that names the file.
[[nodiscard]] Status UnpackLayer(const std::filesystem::path& tar, const std::filesystem::path& dir,
                                 std::uint32_t first_id);

}  // namespace podium::sandbox
