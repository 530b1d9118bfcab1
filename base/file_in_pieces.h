#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "base/result.h"

namespace podium {

// Takes the next bytes of a text that is too long to be held as a whole.
using Sink = std::function<void(std::string_view)>;

// As WriteFileAtomic: what `fill` gives to its sink becomes the file. After a write has failed the
// sink takes and drops the rest.
[[nodiscard]] Status WriteFileInPieces(const std::filesystem::path& path,
                                       const std::function<void(const Sink&)>& fill);

}  // namespace podium
