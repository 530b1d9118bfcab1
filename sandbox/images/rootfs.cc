#include "sandbox/images/rootfs.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/text.h"
#include "sandbox/images/pack.h"
#include "sandbox/images/placer.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMountPoints[] = {"dev", "etc", "home", "proc", "sys", "tmp"};
constexpr const char* kInit = ".podium-init";

enum class Sight { kNothing, kFound, kHidden };

// Looks in one layer; kHidden: the layers below do not count for this path.
Sight LookIn(const fs::path& layer, const std::string& path, struct stat& st) {
  UniqueFd at(::open(layer.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  bool opaque = false;
  auto parts = Split(path, '/');
  for (std::size_t i = 0; i < parts.size() && at; ++i) {
    std::string part(parts[i]);
    if (::fstatat(at.get(), part.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
      return opaque ? Sight::kHidden : Sight::kNothing;
    if (S_ISCHR(st.st_mode) && st.st_rdev == 0) return Sight::kHidden;
    if (i + 1 == parts.size()) return Sight::kFound;
    if (!S_ISDIR(st.st_mode)) return Sight::kHidden;
    at =
        UniqueFd(::openat(at.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    char value = 0;
    opaque = opaque || (at && ::fgetxattr(at.get(), OpaqueMark(), &value, 1) == 1 && value == 'y');
  }
  return Sight::kNothing;
}

std::optional<std::string> ReadText(const std::vector<fs::path>& layers, const std::string& path) {
  auto found = LookUp(layers, path);
  if (!found || !S_ISREG(found->st.st_mode) || found->st.st_size > (1 << 20)) return std::nullopt;
  UniqueFd layer(::open(found->layer.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  UniqueFd fd = OpenBeneath(layer.get(), path, O_RDONLY);
  std::string text(static_cast<std::size_t>(found->st.st_size), '\0');
  if (!fd || ::pread(fd.get(), text.data(), text.size(), 0) != found->st.st_size)
    return std::nullopt;
  return text;
}

// The text with the agent's line, or nothing when it has one with its id (field `at`).
std::optional<std::string> WithAgent(std::optional<std::string> text, const std::string& line) {
  if (!text) return std::nullopt;
  for (auto known : Split(*text, '\n')) {
    auto fields = Split(known, ':');
    if (fields.size() > 2 && (fields[2] == "1000" || fields[0] == "agent")) return std::nullopt;
  }
  if (!text->empty() && text->back() != '\n') *text += '\n';
  return *text + line;
}

}  // namespace

std::optional<Found> LookUp(const std::vector<fs::path>& layers, const std::string& path) {
  for (const auto& layer : layers) {
    struct stat st {};
    Sight sight = LookIn(layer, path, st);
    if (sight == Sight::kFound) return Found{st, layer};
    if (sight == Sight::kHidden) return std::nullopt;
  }
  return std::nullopt;
}

Status CheckMountPoints(const std::vector<fs::path>& layers) {
  for (const char* dir : kMountPoints) {
    auto found = LookUp(layers, dir);
    if (found && !S_ISDIR(found->st.st_mode))
      return Refuse("mount_point", dir,
                    "must be a folder or absent: a sandbox mounts its own there");
  }
  auto init = LookUp(layers, kInit);
  if (init && !S_ISREG(init->st.st_mode))
    return Refuse("mount_point", kInit, "must be a file or absent: a sandbox's init goes there");
  return {};
}

Status CheckImplied(const std::vector<std::string>& implied, const std::vector<fs::path>& lower) {
  for (const auto& path : implied) {
    auto found = LookUp(lower, path);
    if (found && S_ISLNK(found->st.st_mode))
      return Refuse("lower_link", path,
                    "is a link in a lower layer, and a higher one puts files below it without "
                    "saying that it is a folder");
  }
  return {};
}

Result<bool> WriteSetupLayer(const std::vector<fs::path>& layers, const fs::path& to) {
  std::vector<std::pair<Member, std::string>> members;
  auto folder = [&](const std::string& name, unsigned mode) {
    members.push_back({{.name = name, .kind = MemberKind::kFolder, .mode = mode}, ""});
  };
  for (const char* dir : kMountPoints) {
    if (!LookUp(layers, dir)) folder(dir, std::string_view(dir) == "tmp" ? 01777 : 0755);
  }
  if (!LookUp(layers, kInit))
    members.push_back({{.name = kInit, .kind = MemberKind::kFile, .mode = 0644}, ""});
  auto passwd =
      WithAgent(ReadText(layers, "etc/passwd"), "agent:x:1000:1000:agent:/home/agent:/bin/bash\n");
  auto group = WithAgent(ReadText(layers, "etc/group"), "agent:x:1000:\n");
  auto etc = LookUp(layers, "etc");
  if ((passwd || group) && etc) {
    members.push_back({{.name = "etc",
                        .kind = MemberKind::kFolder,
                        .mode = etc->st.st_mode & 07777u,
                        .uid = etc->st.st_uid,
                        .gid = etc->st.st_gid},
                       ""});
    if (passwd)
      members.push_back({{.name = "etc/passwd", .kind = MemberKind::kFile, .mode = 0644}, *passwd});
    if (group)
      members.push_back({{.name = "etc/group", .kind = MemberKind::kFile, .mode = 0644}, *group});
  }
  if (members.empty()) return false;
  // The root's own mode and owner are the image's.
  struct stat root {};
  if (::stat(layers.front().c_str(), &root) != 0)
    return FailErrno(ErrorCode::kIo, "cannot stat " + layers.front().string(), errno);
  PODIUM_ASSIGN(auto tar, TarWriter::Create(to));
  PODIUM_TRY(tar.Add({.name = ".",
                      .kind = MemberKind::kFolder,
                      .mode = root.st_mode & 07777u,
                      .uid = root.st_uid,
                      .gid = root.st_gid},
                     nullptr));
  for (const auto& [member, text] : members) {
    if (member.kind == MemberKind::kFile) {
      PODIUM_TRY(tar.AddFile(member, text));
    } else {
      PODIUM_TRY(tar.Add(member, nullptr));
    }
  }
  PODIUM_TRY(tar.Close());
  return true;
}

}  // namespace podium::sandbox
