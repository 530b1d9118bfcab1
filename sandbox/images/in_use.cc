#include "sandbox/images/in_use.h"

#include <sys/stat.h>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/host/host_paths.h"
#include "sandbox/host/removal.h"
#include "sandbox/host/rootless.h"

namespace podium::sandbox {

MountedFolders MountedFolders::Now() {
  MountedFolders out;
  out.unseen_ = IsRootless() && AnySandboxLives();
  std::string mounts = MountsDir().string() + "/";
  auto text = ReadFile("/proc/self/mounts", 64 << 20);
  if (!text) return out;
  for (auto line : Split(*text, '\n')) {
    auto f = Split(line, ' ');
    // Only below Podium's own folder: a stat elsewhere may hang (a dead network file system).
    if (f.size() < 3 || !f[1].starts_with(mounts)) continue;
    struct stat st {};
    if (::lstat(std::string(f[1]).c_str(), &st) == 0) out.folders_.emplace(st.st_dev, st.st_ino);
  }
  return out;
}

bool MountedFolders::Holds(const std::filesystem::path& folder) const {
  if (unseen_) return true;
  struct stat st {};
  return ::stat(folder.c_str(), &st) == 0 && folders_.contains({st.st_dev, st.st_ino});
}

}  // namespace podium::sandbox
