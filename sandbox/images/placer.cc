#include "sandbox/images/placer.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "sandbox/host/rootless.h"

namespace podium::sandbox {
namespace {

constexpr std::int64_t kIds = 65'536;  // what a sandbox's user namespace maps
constexpr std::int64_t kLastTime = std::int64_t{1} << 33;
constexpr std::string_view kWhiteout = ".wh.";

bool IsWhiteout(const struct stat& st) { return S_ISCHR(st.st_mode) && st.st_rdev == 0; }

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view s) {
  for (std::size_t i = 0; i < s.size();) {
    auto at = [&](std::size_t k) { return static_cast<unsigned char>(k < s.size() ? s[k] : 0); };
    unsigned c = at(i);
    std::size_t more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : 3;
    if (c >= 0x80 && (c < 0xc2 || c > 0xf4)) return false;
    for (std::size_t k = 1; k <= more; ++k) {
      if ((at(i + k) & 0xc0) != 0x80) return false;
    }
    unsigned second = at(i + 1);
    if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) ||
        (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f))
      return false;
    i += more + 1;
  }
  return true;
}

std::string JoinPath(const std::vector<std::string>& parts, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += (i ? "/" : "") + parts[i];
  return out;
}

timespec At(std::int64_t seconds) {
  return {static_cast<time_t>(std::clamp<std::int64_t>(seconds, 0, kLastTime)), 0};
}

tl::unexpected<Error> Broken(std::string_view what, std::string_view member, int err) {
  return FailErrno(ErrorCode::kIo, std::string(what) + " " + Printable(member), err);
}

}  // namespace

UniqueFd OpenBeneath(int root, const std::string& path, int flags, bool follow_links) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  if (!follow_links) how.resolve |= RESOLVE_NO_SYMLINKS;
  for (int tries = 0;; ++tries) {
    long fd = ::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how);
    if (fd < 0 && (errno == EINTR || errno == EAGAIN) && tries < 100) continue;
    return UniqueFd(static_cast<int>(fd));
  }
}

Result<std::vector<std::string>> Placer::Components(const std::string& name,
                                                    const std::string& member) const {
  if (name.empty()) return Refuse("empty_name", member, "has no name");
  if (name.size() > 4095) return Refuse("long_name", member, "has a name over 4,095 bytes");
  if (name.front() == '/') return Refuse("absolute_name", member, "begins with '/'");
  if (!IsUtf8(name)) return Refuse("bad_utf8", member, "has a name that is not UTF-8");
  if (std::ranges::any_of(name,
                          [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return Refuse("control_name", member, "has a control character in its name");
  std::vector<std::string> parts;
  for (auto part : Split(name, '/')) {
    if (part.empty() || (part == "." && parts.empty())) continue;
    if (part == "..") return Refuse("dot_dot", member, "has '..' in its name");
    if (part == ".") return Refuse("dot", member, "has '.' inside its name");
    if (part.size() > 255) return Refuse("long_name", member, "has a part over 255 bytes");
    parts.emplace_back(part);
  }
  if (parts.size() > limits_.depth)
    return Refuse("too_deep", member,
                  "lies more than " + std::to_string(limits_.depth) + " folders deep");
  return parts;
}

Result<UniqueFd> Placer::OpenFolder(const std::string& path, const std::string& member) {
  UniqueFd fd = OpenBeneath(root_.get(), path, O_RDONLY | O_DIRECTORY);
  if (fd) return fd;
  switch (errno) {
    case ELOOP:
      return Refuse("through_link", member, "leads through a symbolic link");
    case ENOTDIR:
      return Refuse("through_file", member, "lies in something that is not a folder");
    case EXDEV:
      return Refuse("through_mount", member, "leads out of the folder it is unpacked in");
    default:
      return Broken("cannot open the folder of", member, errno);
  }
}

Status Placer::MakeParents(const std::vector<std::string>& parts, const std::string& member) {
  UniqueFd at = OpenBeneath(root_.get(), "", O_RDONLY | O_DIRECTORY);
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    std::string path = JoinPath(parts, i + 1);
    struct stat st {};
    int found = ::fstatat(at.get(), parts[i].c_str(), &st, AT_SYMLINK_NOFOLLOW);
    bool hidden = found == 0 && IsWhiteout(st) && !plain_;
    if (hidden && ::unlinkat(at.get(), parts[i].c_str(), 0) != 0)
      return Broken("cannot replace the whiteout above", member, errno);
    if (hidden || (found != 0 && errno == ENOENT)) {
      if (::mkdirat(at.get(), parts[i].c_str(), 0755) != 0 ||
          ::fchmodat(at.get(), parts[i].c_str(), 0755, 0) != 0)
        return Broken("cannot make the folder of", member, errno);
      implied_.insert(path);
      folder_times_[path] = 0;
    }
    PODIUM_ASSIGN(at, OpenFolder(path, member));
    if (hidden && ::fsetxattr(at.get(), OpaqueMark(), "y", 1, 0) != 0)
      return Broken("cannot mark as opaque the folder of", member, errno);
  }
  return {};
}

Result<Placer::Spot> Placer::Find(const std::vector<std::string>& parts, const std::string& member,
                                  bool make) {
  std::string parent = JoinPath(parts, parts.size() - 1);
  if (!open_ || parent != open_path_) {
    if (make) PODIUM_TRY(MakeParents(parts, member));
    PODIUM_ASSIGN(open_, OpenFolder(parent, member));
    open_path_ = parent;
  }
  return Spot{open_.get(), parts.back(), JoinPath(parts, parts.size())};
}

Status Placer::SetOwner(int fd, const Member& member) const {
  if (!plain_ && ::fchown(fd, static_cast<uid_t>(member.uid + first_id_),
                          static_cast<gid_t>(member.gid + first_id_)) != 0)
    return Broken("cannot set the owner of", member.name, errno);
  unsigned mode = plain_ ? (member.mode & 0777) | 0600 : member.mode & 07777;
  if (::fchmod(fd, mode) != 0) return Broken("cannot set the mode of", member.name, errno);
  return {};
}

const char* OpaqueMark() { return IsRootless() ? "user.overlay.opaque" : "trusted.overlay.opaque"; }

Status Placer::PlaceRoot(const Member& member) {
  if (member.kind != MemberKind::kFolder)
    return Refuse("bad_root", member.name, "is the root and not a folder");
  if (!plain_) PODIUM_TRY(SetOwner(root_.get(), member));
  folder_times_[""] = member.mtime;
  return {};
}

Status Placer::PlaceWhiteout(const Member& member, const Spot& spot) {
  std::string hidden = spot.name.substr(kWhiteout.size());
  if (member.kind != MemberKind::kFile || member.size != 0)
    return Refuse("bad_whiteout", member.name, "is a whiteout and not an empty file");
  if (hidden == ".wh..opq") {
    if (::fsetxattr(spot.parent, OpaqueMark(), "y", 1, 0) != 0)
      return Broken("cannot mark as opaque the folder of", member.name, errno);
    return {};
  }
  if (hidden.empty() || hidden == "." || hidden == ".." || hidden.starts_with(kWhiteout))
    return Refuse("bad_whiteout", member.name, "hides no name that a file can have");
  struct stat st {};
  if (::fstatat(spot.parent, hidden.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    if (::mknodat(spot.parent, hidden.c_str(), S_IFCHR | 0600, makedev(0, 0)) != 0)
      return Broken("cannot write the whiteout", member.name, errno);
    return {};
  }
  if (!S_ISDIR(st.st_mode)) return {};  // this layer's own file hides the one below already
  UniqueFd dir = OpenBeneath(spot.parent, hidden, O_RDONLY | O_DIRECTORY);
  if (!dir || ::fsetxattr(dir.get(), OpaqueMark(), "y", 1, 0) != 0)
    return Broken("cannot mark as opaque the folder of", member.name, errno);
  return {};
}

Status Placer::PlaceFile(const Member& member, const Spot& spot, const Content& content) {
  UniqueFd fd(::openat(spot.parent, spot.name.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return Broken("cannot create", member.name, errno);
  PODIUM_TRY(content(fd.get()));
  PODIUM_TRY(SetOwner(fd.get(), member));
  if (!plain_ && (member.mode & 06000) != 0) Note("setuid or setgid bits kept (mounted nosuid)");
  timespec times[2] = {At(member.mtime), At(member.mtime)};
  if (::futimens(fd.get(), times) != 0) return Broken("cannot set times of", member.name, errno);
  return {};
}

Status Placer::PlaceFolder(const Member& member, const Spot& spot, bool exists, bool opaque) {
  if (!exists && ::mkdirat(spot.parent, spot.name.c_str(), 0700) != 0)
    return Broken("cannot make the folder", member.name, errno);
  UniqueFd fd(
      ::openat(spot.parent, spot.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Broken("cannot open the folder", member.name, errno);
  PODIUM_TRY(SetOwner(fd.get(), member));
  if (plain_ && ::fchmod(fd.get(), 0700) != 0) return Broken("chmod", member.name, errno);
  if (opaque && ::fsetxattr(fd.get(), OpaqueMark(), "y", 1, 0) != 0)
    return Broken("cannot mark as opaque", member.name, errno);
  implied_.erase(spot.path);
  folder_times_[spot.path] = member.mtime;
  return {};
}

Status Placer::PlaceSymlink(const Member& member, const Spot& spot) {
  if (member.target.empty() || member.target.size() > 4095)
    return Refuse("bad_link", member.name, "has no target or one over 4,095 bytes");
  if (::symlinkat(member.target.c_str(), spot.parent, spot.name.c_str()) != 0)
    return Broken("cannot make the link", member.name, errno);
  if (!plain_ &&
      ::fchownat(spot.parent, spot.name.c_str(), static_cast<uid_t>(member.uid + first_id_),
                 static_cast<gid_t>(member.gid + first_id_), AT_SYMLINK_NOFOLLOW) != 0)
    return Broken("cannot set the owner of", member.name, errno);
  timespec times[2] = {At(member.mtime), At(member.mtime)};
  if (::utimensat(spot.parent, spot.name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    return Broken("cannot set times of", member.name, errno);
  return {};
}

Status Placer::PlaceHardLink(const Member& member, const Spot& spot) {
  PODIUM_ASSIGN(auto parts, Components(member.target, member.name));
  if (parts.empty()) return Refuse("bad_hardlink", member.name, "links to the root");
  UniqueFd parent =
      OpenBeneath(root_.get(), JoinPath(parts, parts.size() - 1), O_RDONLY | O_DIRECTORY);
  struct stat st {};
  if (!parent || ::fstatat(parent.get(), parts.back().c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 ||
      !S_ISREG(st.st_mode))
    return Refuse("bad_hardlink", member.name,
                  "links to something that is no file of this archive so far");
  if (::linkat(parent.get(), parts.back().c_str(), spot.parent, spot.name.c_str(), 0) != 0)
    return Broken("cannot link", member.name, errno);
  return {};
}

Status Placer::Place(const Member& member, const Content& content) {
  PODIUM_ASSIGN(auto parts, Components(member.name, member.name));
  if (member.uid < 0 || member.uid >= kIds || member.gid < 0 || member.gid >= kIds)
    return Refuse("owner_range", member.name, "has an owner outside 0 to 65,535");
  if (parts.empty()) return PlaceRoot(member);
  if (member.kind == MemberKind::kDevice || member.kind == MemberKind::kFifo) {
    Note(member.kind == MemberKind::kDevice ? "devices dropped" : "named pipes dropped");
    return {};
  }
  if (member.kind == MemberKind::kOther)
    return Refuse("member_kind", member.name, "is of a kind that Podium does not unpack");
  PODIUM_ASSIGN(Spot spot, Find(parts, member.name, true));
  if (!plain_ && spot.name.starts_with(kWhiteout)) return PlaceWhiteout(member, spot);
  struct stat st {};
  bool exists = ::fstatat(spot.parent, spot.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
  bool hidden = exists && !plain_ && IsWhiteout(st);
  if (hidden && ::unlinkat(spot.parent, spot.name.c_str(), 0) != 0)
    return Broken("cannot replace the whiteout of", member.name, errno);
  exists = exists && !hidden;
  if (exists && !(member.kind == MemberKind::kFolder && S_ISDIR(st.st_mode)))
    return Refuse("duplicate", member.name, "is in the archive twice");
  switch (member.kind) {
    case MemberKind::kFolder:
      return PlaceFolder(member, spot, exists, hidden);
    case MemberKind::kSymlink:
      return PlaceSymlink(member, spot);
    case MemberKind::kHardLink:
      return PlaceHardLink(member, spot);
    default:
      return PlaceFile(member, spot, content);
  }
}

Status Placer::Finish() {
  for (const auto& [path, mtime] : folder_times_) {
    PODIUM_ASSIGN(auto fd, OpenFolder(path, path));
    timespec times[2] = {At(mtime), At(mtime)};
    if (::futimens(fd.get(), times) != 0) return Broken("cannot set times of", path, errno);
  }
  return {};
}

}  // namespace podium::sandbox
