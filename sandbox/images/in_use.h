#pragma once

#include <sys/types.h>

#include <filesystem>
#include <set>
#include <utility>

namespace podium::sandbox {

// The folders that are mounted somewhere on this host (bind mounts keep the device and inode of
// what they show): how a live sandbox holds its image's layers. Rootless a process sees its own
// mounts alone, so while any sandbox of the user lives every folder counts as held.
class MountedFolders {
 public:
  [[nodiscard]] static MountedFolders Now();
  [[nodiscard]] bool Holds(const std::filesystem::path& folder) const;

 private:
  std::set<std::pair<dev_t, ino_t>> folders_;
  bool unseen_ = false;
};

}  // namespace podium::sandbox
