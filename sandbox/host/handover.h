#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "sandbox/taken.h"

namespace podium::sandbox {

// What writers leave between blocks.
inline constexpr std::uint64_t kMostHoles = 1 << 20;

// Takes one file from a folder that an agent may have written to, while assuming that everything in
// it is a trap: the walk never leaves `root_fd` and follows no link (openat2 with RESOLVE_BENEATH,
// NO_SYMLINKS, NO_MAGICLINKS, NO_XDEV), nothing but a regular file with one name, with at most
// max_holes bytes that take no disk and at most max_bytes in all is read, never blocking, hashed
// while copied to `to` (a file of ours).
// Blocking, until the deadline at most: then the error is kTimeout and nothing stays at `to`.
[[nodiscard]] Result<TakenFile> TakeBeneath(int root_fd, const std::string& relative,
                                            const std::filesystem::path& to,
                                            std::uint64_t max_bytes, Deadline deadline,
                                            std::uint64_t max_holes = kMostHoles);

// The same for a file of a tree: neither hashed nor made durable, which its taker does once for all
// (syncfs).
[[nodiscard]] Result<TakenFile> TakeForTree(int folder_fd, const std::string& name,
                                            const std::filesystem::path& to,
                                            std::uint64_t max_bytes, Deadline deadline);

// What everybody writes first: opens the path and copies. For the knock-out run alone, to show what
// the guarded walk is good for.
[[nodiscard]] Result<TakenFile> TakeByPath(const std::filesystem::path& from,
                                           const std::filesystem::path& to);

}  // namespace podium::sandbox
