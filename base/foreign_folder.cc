#include "base/foreign_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/text.h"

namespace podium {
namespace {

namespace fs = std::filesystem;

constexpr int kFileFlags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// Part by part, for kernels (and seccomp profiles) without openat2: no part may be a link.
UniqueFd OpenByParts(int root, const std::string& name, int flags) {
  UniqueFd at(::fcntl(root, F_DUPFD_CLOEXEC, 0));
  auto parts = Split(name, '/');
  for (std::size_t i = 0; at && i < parts.size(); ++i) {
    bool last = i + 1 == parts.size();
    at = UniqueFd(::openat(at.get(), std::string(parts[i]).c_str(), last ? flags : kFolderFlags));
  }
  return at;
}

// errno is set where the descriptor is empty.
UniqueFd OpenBeneath(int root, const std::string& name, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, root, name.c_str(), &how, sizeof how)));
  if (!fd && (errno == ENOSYS || errno == EPERM)) return OpenByParts(root, name, flags);
  return fd;
}

const char* KindText(mode_t mode) {
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISREG(mode)) return "a file";
  return "a device";
}

tl::unexpected<Error> Refused(const fs::path& place, mode_t mode) {
  std::string rule = S_ISLNK(mode) ? "links are not followed here, put what it points to in its "
                                     "place if you trust it"
                                   : "only regular files and folders belong here";
  return Fail(ErrorCode::kConfig,
              Printable(place.string()) + " is " + KindText(mode) + ": " + rule);
}

// The first part of `name` that is a link or something that has no place in a folder.
Result<std::string> WhatStandsInTheWay(int root, const std::string& name, struct stat& st) {
  std::string so_far;
  for (auto part : Split(name, '/')) {
    so_far += (so_far.empty() ? "" : "/") + std::string(part);
    if (::fstatat(root, so_far.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) break;
    if (!S_ISDIR(st.st_mode)) return so_far;
  }
  return Fail(ErrorCode::kIo, "nothing");
}

tl::unexpected<Error> CannotOpen(int root, const fs::path& dir, const std::string& name, int error,
                                 const char* wanted) {
  struct stat st {};
  auto in_the_way = WhatStandsInTheWay(root, name, st);
  if (in_the_way && !S_ISREG(st.st_mode)) return Refused(dir / *in_the_way, st.st_mode);
  if (in_the_way && error == ENOTDIR)
    return Fail(ErrorCode::kConfig, Printable((dir / *in_the_way).string()) + " is a file, where " +
                                        wanted + " was expected");
  ErrorCode code = error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
  return FailErrno(code, "cannot open " + Printable((dir / name).string()), error);
}

// A folder's names, or the error that readdir gave.
Result<std::vector<std::string>> NamesIn(int folder, const fs::path& path) {
  UniqueFd own(::openat(folder, ".", kFolderFlags));
  if (!own) return FailErrno(ErrorCode::kIo, "cannot open " + path.string(), errno);
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(own.get()), &::closedir);
  if (!dir) return FailErrno(ErrorCode::kIo, "cannot list " + path.string(), errno);
  (void)own.release();
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(dir.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
    errno = 0;
  }
  if (errno != 0) return FailErrno(ErrorCode::kIo, "cannot list " + path.string(), errno);
  std::ranges::sort(names);
  return names;
}

// Walks a tree by descriptors, each opened beneath the one before.
class Walk {
 public:
  Walk(const ForeignFolder& root, const ForeignBounds& bounds) : root_(root), bounds_(bounds) {}

  Result<std::vector<ForeignEntry>> Run() {
    PODIUM_TRY(Visit(root_.fd(), "", 0));
    std::ranges::sort(entries_, {}, &ForeignEntry::name);
    return std::move(entries_);
  }

 private:
  Status Visit(int folder, const std::string& prefix, int depth) {
    if (depth > bounds_.depth)
      return Fail(ErrorCode::kConfig, Printable((root_.path() / prefix).string()) +
                                          ": folders are nested deeper than " +
                                          std::to_string(bounds_.depth));
    PODIUM_ASSIGN(auto names, NamesIn(folder, root_.path() / prefix));
    for (const auto& name : names) PODIUM_TRY(Take(folder, prefix, name, depth));
    return {};
  }

  Status Take(int folder, const std::string& prefix, const std::string& name, int depth) {
    ForeignEntry entry;
    entry.name = prefix + name;
    const fs::path place = root_.path() / entry.name;
    struct stat st {};
    if (::fstatat(folder, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
      return FailErrno(ErrorCode::kIo, "cannot stat " + Printable(place.string()), errno);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) return Refused(place, st.st_mode);
    if (entries_.size() >= bounds_.entries)
      return Fail(ErrorCode::kConfig, root_.path().string() + " holds more than " +
                                          std::to_string(bounds_.entries) + " files and folders");
    entry.folder = S_ISDIR(st.st_mode);
    entry.executable = (st.st_mode & 0111) != 0;
    entry.bytes = entry.folder ? 0 : static_cast<std::uint64_t>(st.st_size);
    entries_.push_back(entry);
    if (!entry.folder) return {};
    UniqueFd below = OpenBeneath(folder, name, kFolderFlags);
    if (!below) return CannotOpen(root_.fd(), root_.path(), entry.name, errno, "a folder");
    return Visit(below.get(), entry.name + "/", depth + 1);
  }

  const ForeignFolder& root_;
  ForeignBounds bounds_;
  std::vector<ForeignEntry> entries_;
};

// Whoever may fill a folder can give a file of another user's a name in it, which he could not read
// and we can. (Names of one's own files are what package managers save space with.)
Status CheckIsTheFoldersOwn(int folder, const struct stat& file, const fs::path& place) {
  struct stat st {};
  if (file.st_nlink == 1) return {};
  if (::fstat(folder, &st) != 0)
    return FailErrno(ErrorCode::kIo, "cannot stat the folder of " + Printable(place.string()),
                     errno);
  if (st.st_uid == file.st_uid) return {};
  return Fail(ErrorCode::kConfig, Printable(place.string()) + " has " +
                                      std::to_string(file.st_nlink) +
                                      " names and belongs to another user than its folder: put a "
                                      "copy in its place if you trust it");
}

// Calls `take` with each part of the file; at most `max_bytes` in all.
template <class Take>
Status ReadAll(int fd, const fs::path& path, std::uint64_t max_bytes, Take take) {
  constexpr std::size_t kPart = 1 << 18;
  auto buffer = std::make_unique_for_overwrite<char[]>(kPart);
  for (std::uint64_t sum = 0;;) {
    ssize_t n = ::read(fd, buffer.get(), kPart);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(ErrorCode::kIo, "cannot read " + path.string(), errno);
    if (n == 0) return {};
    sum += static_cast<std::uint64_t>(n);
    if (sum > max_bytes)
      return Fail(ErrorCode::kConfig,
                  Printable(path.string()) + " is larger than " + FormatBytes(max_bytes));
    take(std::string_view(buffer.get(), static_cast<std::size_t>(n)));
  }
}

}  // namespace

bool IsNameBeneath(const std::string& name) {
  if (name.empty() || name.find('\0') != std::string::npos) return false;
  return std::ranges::none_of(Split(name, '/'), [](std::string_view part) {
    return part.empty() || part == "." || part == "..";
  });
}

tl::unexpected<Error> NotBeneath(const fs::path& dir, const std::string& name) {
  return Fail(ErrorCode::kConfig,
              "'" + Printable(name) + "' must be the name of something in " + dir.string() +
                  ": relative, without '..'; nothing outside that folder is read");
}

Result<ForeignFolder> ForeignFolder::Open(const fs::path& dir) {
  UniqueFd fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd)
    return FailErrno(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                     "cannot open the folder " + Printable(dir.string()), errno);
  return ForeignFolder(std::move(fd), dir);
}

Result<ForeignFolder> ForeignFolder::Folder(const std::string& name) const {
  if (!IsNameBeneath(name)) return NotBeneath(path_, name);
  UniqueFd fd = OpenBeneath(fd_.get(), name, kFolderFlags);
  if (!fd) return CannotOpen(fd_.get(), path_, name, errno, "a folder");
  return ForeignFolder(std::move(fd), path_ / name);
}

Result<ForeignFolder> ForeignFolder::MakeFolder(const std::string& name) const {
  if (!IsNameBeneath(name)) return NotBeneath(path_, name);
  UniqueFd at(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  fs::path place = path_;
  for (auto part : Split(name, '/')) {
    std::string text(part);
    if (::mkdirat(at.get(), text.c_str(), 0755) != 0 && errno != EEXIST)
      return FailErrno(ErrorCode::kIo, "cannot make folder " + (place / text).string(), errno);
    UniqueFd below = OpenBeneath(at.get(), text, kFolderFlags);
    if (!below) return CannotOpen(at.get(), place, text, errno, "a folder");
    at = std::move(below);
    place /= text;
  }
  return ForeignFolder(std::move(at), std::move(place));
}

Result<UniqueFd> ForeignFolder::OpenFile(const std::string& name, std::uint64_t max_bytes) const {
  if (!IsNameBeneath(name)) return NotBeneath(path_, name);
  UniqueFd fd = OpenBeneath(fd_.get(), name, kFileFlags);
  if (!fd) return CannotOpen(fd_.get(), path_, name, errno, "a folder");
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0)
    return FailErrno(ErrorCode::kIo, "cannot stat " + Printable((path_ / name).string()), errno);
  if (!S_ISREG(st.st_mode)) return Refused(path_ / name, st.st_mode);
  PODIUM_TRY(CheckIsTheFoldersOwn(fd_.get(), st, path_ / name));
  if (static_cast<std::uint64_t>(st.st_size) > max_bytes)
    return Fail(ErrorCode::kConfig, Printable((path_ / name).string()) + " has " +
                                        FormatBytes(static_cast<std::uint64_t>(st.st_size)) +
                                        ", more than " + FormatBytes(max_bytes));
  return fd;
}

Result<std::string> ForeignFolder::Read(const std::string& name, std::uint64_t max_bytes) const {
  PODIUM_ASSIGN(auto fd, OpenFile(name, max_bytes));
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0)
    return FailErrno(ErrorCode::kIo, "cannot stat " + Printable((path_ / name).string()), errno);
  // A byte more than it had when it was opened shows its end, or that it has grown since.
  std::string out(static_cast<std::size_t>(st.st_size) + 1, '\0');
  for (std::size_t filled = 0;;) {
    ssize_t n = ::read(fd.get(), out.data() + filled, out.size() - filled);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(ErrorCode::kIo, "cannot read " + (path_ / name).string(), errno);
    filled += static_cast<std::size_t>(n);
    if (filled > max_bytes)
      return Fail(ErrorCode::kConfig,
                  Printable((path_ / name).string()) + " is larger than " + FormatBytes(max_bytes));
    if (n == 0) {
      out.resize(filled);
      return out;
    }
    if (filled == out.size()) out.resize(2 * filled);
  }
}

Result<Digest> ForeignFolder::DigestOf(const std::string& name) const {
  constexpr std::uint64_t kAny = ~std::uint64_t{0};
  PODIUM_ASSIGN(auto fd, OpenFile(name, kAny));
  Hasher hasher;
  PODIUM_TRY(
      ReadAll(fd.get(), path_ / name, kAny, [&](std::string_view part) { hasher.Update(part); }));
  return hasher.Finish();
}

Result<bool> ForeignFolder::Has(const std::string& name) const {
  auto fd = OpenFile(name, ~std::uint64_t{0});
  if (fd) return true;
  if (fd.error().code == ErrorCode::kNotFound) return false;
  return tl::unexpected(fd.error());
}

Result<std::vector<ForeignEntry>> ForeignFolder::List(const ForeignBounds& bounds) const {
  return Walk(*this, bounds).Run();
}

Result<Digest> ForeignFolder::DigestOfFiles(const ForeignBounds& bounds) const {
  PODIUM_ASSIGN(auto entries, List(bounds));
  Hasher hasher;
  for (const auto& entry : entries) {
    if (entry.folder) continue;
    PODIUM_ASSIGN(auto digest, DigestOf(entry.name));
    hasher.Update(entry.name + std::string(1, '\0') + digest.hex() + "\n");
  }
  return hasher.Finish();
}

}  // namespace podium
