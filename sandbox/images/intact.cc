#include "sandbox/images/intact.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/digest.h"
#include "base/files.h"
#include "base/json.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

std::string Line(const std::string& name, const struct stat& st) {
  auto time = [](const timespec& t) {
    return std::to_string(t.tv_sec) + "." + std::to_string(t.tv_nsec);
  };
  return name + '\0' + std::to_string(st.st_ino) + ' ' + std::to_string(st.st_mode) + ' ' +
         std::to_string(st.st_uid) + ' ' + std::to_string(st.st_gid) + ' ' +
         std::to_string(st.st_size) + ' ' + time(st.st_mtim) + ' ' + time(st.st_ctim) + '\n';
}

// Of what lstat says of each file below. A folder's own times change with what lies in it, so that
// a new file is seen by its folder as well.
Result<Digest> StatDigest(const fs::path& dir) {
  std::vector<std::string> lines;
  std::error_code ec;
  for (auto it = fs::recursive_directory_iterator(dir, ec);
       !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    struct stat st {};
    if (::lstat(it->path().c_str(), &st) != 0)
      return FailErrno(ErrorCode::kIo, "cannot stat " + it->path().string(), errno);
    lines.push_back(Line(it->path().lexically_relative(dir).string(), st));
  }
  if (ec) return FailErrno(ErrorCode::kIo, "cannot walk " + dir.string(), ec.value());
  std::ranges::sort(lines);
  Hasher hasher;
  for (const auto& line : lines) hasher.Update(line);
  return hasher.Finish();
}

struct Note {
  std::string stat, tree;
};

Note ReadNote(const fs::path& file) {
  auto text = ReadFile(file, 1 << 16);
  auto json = text ? ParseJson(*text, file.string()) : tl::unexpected(text.error());
  if (!json) return {};
  return {JsonOr<std::string>(*json, "stat", ""), JsonOr<std::string>(*json, "tree", "")};
}

Status CheckLayer(const Image& image, const fs::path& rootfs) {
  fs::path file = rootfs.parent_path() / "intact.json";
  Note note = ReadNote(file);
  PODIUM_ASSIGN(auto stat, StatDigest(rootfs));
  if (stat.hex() == note.stat) return {};
  PODIUM_ASSIGN(auto tree, DigestTree(rootfs));
  std::string made = note.tree.empty() && image.kind == "recipe" ? image.digest : note.tree;
  if (!made.empty() && tree.hex() != made)
    return Fail(ErrorCode::kDigest,
                "image '" + image.name + "' was changed in place since it was made (" +
                    rootfs.string() +
                    "): its digest would name other files. Build or import it anew "
                    "(`podium image rm " +
                    image.name + "` first)");
  Json fresh = {{"schema", "podium-intact/1"}, {"stat", stat.hex()}, {"tree", tree.hex()}};
  // Who may not write into the cache looks more slowly the next time.
  (void)WriteFileAtomic(file, DumpJson(fresh) + "\n");
  return {};
}

}  // namespace

Status CheckIntact(const Image& image) {
  for (const auto& layer : image.layers) PODIUM_TRY(CheckLayer(image, layer));
  return {};
}

}  // namespace podium::sandbox
