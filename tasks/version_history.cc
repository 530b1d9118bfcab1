#include "tasks/version_history.h"

#include <algorithm>
#include <fstream>
#include <string_view>

namespace podium::tasks {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFolders[] = {".git", ".hg", ".svn", ".bzr", "_darcs", "CVS"};
constexpr std::string_view kFiles[] = {".git", ".fslckout", "_FOSSIL_"};

bool IsBareRepository(const fs::path& dir) {
  std::error_code ec;
  return fs::is_regular_file(dir / "HEAD", ec) && fs::is_directory(dir / "objects", ec) &&
         fs::is_directory(dir / "refs", ec);
}

bool IsPackOrBundle(const fs::path& file) {
  char start[16] = {};
  std::ifstream(file, std::ios::binary).read(start, sizeof start);
  std::string_view text(start, sizeof start);
  return text.starts_with(std::string_view("PACK\0\0\0", 7)) ||
         text.starts_with("# v2 git bundle") || text.starts_with("# v3 git bundle");
}

bool HoldsHistory(const fs::directory_entry& entry) {
  std::string name = entry.path().filename();
  if (entry.is_symlink()) return false;
  if (entry.is_directory())
    return std::ranges::find(kFolders, name) != std::end(kFolders) ||
           IsBareRepository(entry.path());
  if (std::ranges::find(kFiles, name) != std::end(kFiles)) return true;
  return entry.is_regular_file() && IsPackOrBundle(entry.path());
}

}  // namespace

Status RefuseVersionHistory(const fs::path& tree) {
  std::error_code ec;
  fs::recursive_directory_iterator it(tree, ec);
  for (; !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    if (!HoldsHistory(*it)) continue;
    return Fail(
        ErrorCode::kConfig,
        it->path().string() +
            ": a version history, in which an agent could find answers or solutions; remove "
            "it (what an agent is given is files, not how they came to be)");
  }
  if (ec) return Fail(ErrorCode::kIo, "cannot list " + tree.string() + ": " + ec.message());
  return {};
}

}  // namespace podium::tasks
