#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sandbox/backends/engine/engine_api.h"

namespace podium::sandbox {

// The engine's name of an image made of these layers; sent to the engine at the first use (a tar
// stream of what they show together), which takes as long as copying them. Blocking.
[[nodiscard]] Result<std::string> EnsureEngineImage(
    const EngineApi& api, const std::vector<std::filesystem::path>& layers, Deadline deadline);

}  // namespace podium::sandbox
