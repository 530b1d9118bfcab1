#include "tasks/version_history.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace podium::tasks {
namespace {

constexpr std::string_view kFolders[] = {".git", ".hg", ".svn", ".bzr", "_darcs", "CVS"};
constexpr std::string_view kFiles[] = {".git", ".fslckout", "_FOSSIL_"};

std::string_view LastPart(std::string_view name) { return name.substr(name.rfind('/') + 1); }

Result<bool> IsPackOrBundle(const ForeignFolder& tree, const std::string& name) {
  PODIUM_ASSIGN(auto fd, tree.OpenFile(name, ~std::uint64_t{0}));
  char start[16] = {};
  (void)!::read(fd.get(), start, sizeof start);
  std::string_view text(start, sizeof start);
  return text.starts_with(std::string_view("PACK\0\0\0", 7)) ||
         text.starts_with("# v2 git bundle") || text.starts_with("# v3 git bundle");
}

// "x" where x/HEAD is a file and x/objects and x/refs are folders: a repository without a work
// tree.
std::set<std::string> BareRepositories(const std::vector<ForeignEntry>& entries) {
  std::map<std::string, int> parts;
  for (const auto& e : entries) {
    std::string_view last = LastPart(e.name);
    bool part = e.folder ? last == "objects" || last == "refs" : last == "HEAD";
    if (part) ++parts[e.name.substr(0, e.name.size() - last.size())];
  }
  std::set<std::string> out;
  for (const auto& [folder, count] : parts) {
    if (count == 3) out.insert(folder);
  }
  return out;
}

Result<bool> HoldsHistory(const ForeignFolder& tree, const ForeignEntry& entry) {
  std::string_view last = LastPart(entry.name);
  if (entry.folder) return std::ranges::find(kFolders, last) != std::end(kFolders);
  if (std::ranges::find(kFiles, last) != std::end(kFiles)) return true;
  return IsPackOrBundle(tree, entry.name);
}

tl::unexpected<Error> Refused(const ForeignFolder& tree, const std::string& name) {
  return Fail(ErrorCode::kConfig,
              (tree.path() / name).string() +
                  ": a version history, in which an agent could find answers or solutions; remove "
                  "it (what an agent is given is files, not how they came to be)");
}

}  // namespace

Status RefuseVersionHistory(const ForeignFolder& tree) {
  PODIUM_ASSIGN(auto entries, tree.List());
  auto bare = BareRepositories(entries);
  if (!bare.empty()) return Refused(tree, *bare.begin());
  for (const auto& entry : entries) {
    PODIUM_ASSIGN(bool holds, HoldsHistory(tree, entry));
    if (holds) return Refused(tree, entry.name);
  }
  return {};
}

}  // namespace podium::tasks
