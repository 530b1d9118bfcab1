#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace podium::sandbox {

// What a path is in layers stacked by overlayfs (topmost first).
struct Found {
  struct stat st {};
  std::filesystem::path layer;
};
[[nodiscard]] std::optional<Found> LookUp(const std::vector<std::filesystem::path>& layers,
                                          const std::string& path);

// Folders of which a root file system has one at the least, and an archive of an image none.
inline constexpr const char* kRootFolders[] = {"bin",  "usr", "lib", "lib64", "sbin", "etc", "var",
                                               "home", "opt", "dev", "proc",  "nix",  "root"};
[[nodiscard]] bool LooksLikeRoot(const std::vector<std::filesystem::path>& layers);

// Whether a sandbox can be set up on the layers: what it mounts over must be a folder (or, for its
// init, a file), so that no link of the image's leads the set-up elsewhere.
[[nodiscard]] Status CheckMountPoints(const std::vector<std::filesystem::path>& layers);

// A layer that makes a folder as a side effect hides what lower layers have there. Where that is a
// link (usr-merged /lib), the image would not be what its maker saw: refused.
[[nodiscard]] Status CheckImplied(const std::vector<std::string>& implied,
                                  const std::vector<std::filesystem::path>& lower);

// Writes the tar of the layer that goes on top: the mount points that are missing, and the agent's
// user where /etc/passwd has nobody with its id. False, and nothing is written, if nothing is.
[[nodiscard]] Result<bool> WriteSetupLayer(const std::vector<std::filesystem::path>& layers,
                                           const std::filesystem::path& to);

}  // namespace podium::sandbox
