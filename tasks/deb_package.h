#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "tasks/task_package.h"

namespace podium::tasks {

struct FetchedDeb {
  fs::path path;
  bool pinned = false;  // its bytes are the pinned ones
};

// The package's file in <cache>/debs, downloaded with `apt-get download` if it is not there. Needs
// no root, installs nothing and pulls no dependencies. The pinned version is asked for first, then
// whatever version the host's sources have.
[[nodiscard]] Result<FetchedDeb> FetchDeb(const DataPackage& package, const fs::path& cache,
                                          Deadline deadline);

// Files inside a .deb (an ar archive with a compressed tar, deb(5)), by their path without leading
// "./". A path that is missing is an error. Read in this process by libarchive; nothing is written
// to disk and nothing is run.
[[nodiscard]] Result<std::map<std::string, std::string>> ReadDebFiles(
    const fs::path& deb, const std::vector<std::string>& paths);

// Undoes gzip, bzip2, xz or zlib compression, told by the first bytes; anything else is returned as
// it is. More than `max_bytes` of output is an error.
[[nodiscard]] Result<std::string> Decompress(std::string_view bytes,
                                             std::size_t max_bytes = std::size_t{1} << 30);

// Undoes a raw LZMA2 stream without container, as R's compress = "xz" writes into lazy-load
// databases (dictionary of preset 6).
[[nodiscard]] Result<std::string> DecompressRawLzma2(std::string_view bytes,
                                                     std::size_t max_bytes = std::size_t{1} << 30);

}  // namespace podium::tasks
