#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

namespace podium::harness {

struct RunArchive {
  std::uint64_t files = 0, bytes = 0;  // of the run
  std::uint64_t archive_bytes = 0;
  Digest digest;  // of the archive
};

// Says how far it is.
using ArchiveProgress = std::function<void(std::string_view)>;

// Writes a run's folder into one tar with zstd, RUN-NAME/... and first RUN-NAME/MANIFEST.sha256
// with every file's digest; then reads it back and compares. `to` must not exist, and there is
// nothing of it after an error. Refused (kBusy) while a process works on the run. What belongs to
// processes (locks, workers, sandboxes) is left out. A link in the folder is an error. Blocks.
[[nodiscard]] Result<RunArchive> WriteArchive(const std::filesystem::path& run_dir,
                                              const std::filesystem::path& to,
                                              const ArchiveProgress& progress);

// Reads an archive and compares every file with its manifest: an error (kDigest) names the first
// that is missing, not listed, or another. Blocks.
[[nodiscard]] Result<RunArchive> CheckArchive(const std::filesystem::path& archive);

}  // namespace podium::harness
