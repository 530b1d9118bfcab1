#pragma once

#include <filesystem>

#include "base/result.h"
#include "base/unique_fd.h"

namespace podium::sandbox {

// A socket that listens at `path`, to which every user of the host that reaches its folder may
// connect.
[[nodiscard]] Result<UniqueFd> ListenAt(const std::filesystem::path& path, int backlog);

}  // namespace podium::sandbox
