#pragma once

#include <filesystem>
#include <string>

namespace podium::sandbox {

// The name by which programs ask for this library (its DT_SONAME, "libcuda.so.1"); "" where the
// file is no 64-bit ELF library of this machine's byte order, or has none that is a plain file
// name.
[[nodiscard]] std::string ReadSoname(const std::filesystem::path& library);

}  // namespace podium::sandbox
