#include "sandbox/images/rootfs.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "sandbox/images/pack.h"
#include "sandbox/images/placer.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMountPoints[] = {"dev", "etc", "home", "proc", "sys", "tmp"};
constexpr const char* kInit = ".podium-init";

// What a C library looks a name up by; an engine gives them to its containers, and images that were
// taken out of one lack them.
constexpr std::pair<const char*, const char*> kNameFiles[] = {
    {"etc/hosts", "127.0.0.1\tlocalhost podium\n::1\tlocalhost ip6-localhost\n"},
    {"etc/nsswitch.conf",
     "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
     "networks: files\nprotocols: files\nservices: files\n"}};

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

// The text (`root`, where there is none) with the agent's line, or nothing when it has one with its
// id.
std::optional<std::string> WithAgent(std::optional<std::string> text, const std::string& line,
                                     const std::string& root) {
  if (!text) text = root;
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

bool LooksLikeRoot(const std::vector<fs::path>& layers) {
  return std::ranges::any_of(kRootFolders,
                             [&](const char* dir) { return LookUp(layers, dir).has_value(); });
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
  // What stands there and is no text of ours to read (a link) is left as it is.
  auto readable = [&](const char* name) { return !LookUp(layers, name) || ReadText(layers, name); };
  std::optional<std::string> passwd, group;
  if (readable("etc/passwd"))
    passwd =
        WithAgent(ReadText(layers, "etc/passwd"), "agent:x:1000:1000:agent:/home/agent:/bin/sh\n",
                  "root:x:0:0:root:/root:/bin/sh\n");
  if (readable("etc/group"))
    group = WithAgent(ReadText(layers, "etc/group"), "agent:x:1000:\n", "root:x:0:\n");
  std::vector<std::pair<std::string, std::string>> files;
  if (passwd) files.emplace_back("etc/passwd", *passwd);
  if (group) files.emplace_back("etc/group", *group);
  for (const auto& [name, text] : kNameFiles) {
    if (!LookUp(layers, name)) files.emplace_back(name, text);
  }
  auto etc = LookUp(layers, "etc");
  if (!files.empty() && etc)
    members.push_back({{.name = "etc",
                        .kind = MemberKind::kFolder,
                        .mode = etc->st.st_mode & 07777u,
                        .uid = etc->st.st_uid,
                        .gid = etc->st.st_gid},
                       ""});
  for (const auto& [name, text] : files)
    members.push_back({{.name = name, .kind = MemberKind::kFile, .mode = 0644}, text});
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
