#pragma once

#include <sys/types.h>

#include <filesystem>
#include <set>
#include <utility>

namespace podium::sandbox {

// The folders that are mounted somewhere on this host (bind mounts keep the device and inode of
// what they show): how a live sandbox holds its image's layers.
class MountedFolders {
 public:
  [[nodiscard]] static MountedFolders Now();
  [[nodiscard]] bool Holds(const std::filesystem::path& folder) const;

 private:
  std::set<std::pair<dev_t, ino_t>> folders_;
};

}  // namespace podium::sandbox
