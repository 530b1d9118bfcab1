#include "base/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "base/file_in_pieces.h"

namespace podium {
namespace fs = std::filesystem;

Result<UniqueFd> OpenRegular(const fs::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) return FailErrno(ErrorCode::kIo, "cannot open " + path.string(), errno);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0)
    return FailErrno(ErrorCode::kIo, "cannot stat " + path.string(), errno);
  if (S_ISREG(st.st_mode)) return fd;
  const char* kind = S_ISDIR(st.st_mode)    ? "a folder"
                     : S_ISFIFO(st.st_mode) ? "a FIFO"
                                            : "a device or a socket";
  return Fail(ErrorCode::kIo, path.string() + " is " + kind + ", not a file");
}

Result<std::string> ReadFile(const fs::path& path, std::uint64_t max_bytes) {
  PODIUM_ASSIGN(auto fd, OpenRegular(path));
  std::string out;
  struct stat st {};
  if (::fstat(fd.get(), &st) == 0 && st.st_size > 0)
    out.reserve(static_cast<std::size_t>(st.st_size));
  char buffer[1 << 16];
  for (;;) {
    ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(ErrorCode::kIo, "cannot read " + path.string(), errno);
    if (n == 0) return out;
    if (out.size() + static_cast<std::size_t>(n) > max_bytes) {
      return Fail(ErrorCode::kIo,
                  path.string() + " is larger than " + std::to_string(max_bytes) + " bytes");
    }
    out.append(buffer, static_cast<std::size_t>(n));
  }
}

Status WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(ErrorCode::kIo, "cannot write", errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

namespace {

// A new file beside `path` that `fill` writes, and that then takes its name.
Status Replace(const fs::path& path, unsigned mode, const std::function<Status(int)>& fill) {
  static std::atomic<unsigned> counter{0};
  fs::path dir = path.has_parent_path() ? path.parent_path() : fs::path(".");
  fs::path temp = dir / ("." + path.filename().string() + ".tmp" + std::to_string(::getpid()) +
                         "." + std::to_string(counter++));
  UniqueFd fd(::open(temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd) return FailErrno(ErrorCode::kIo, "cannot create " + temp.string(), errno);
  Status written = fill(fd.get());
  if (written && ::fsync(fd.get()) != 0)
    written = FailErrno(ErrorCode::kIo, "cannot sync " + temp.string(), errno);
  if (written && ::rename(temp.c_str(), path.c_str()) != 0) {
    written = FailErrno(ErrorCode::kIo, "cannot rename to " + path.string(), errno);
  }
  if (!written) {
    ::unlink(temp.c_str());
    return written;
  }
  UniqueFd dir_fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir_fd || ::fsync(dir_fd.get()) != 0)
    return FailErrno(ErrorCode::kIo, "cannot sync " + dir.string(), errno);
  return {};
}

Status CopyAll(int from, int to, const fs::path& name) {
  std::vector<char> buffer(1 << 20);
  for (;;) {
    ssize_t n = ::read(from, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(ErrorCode::kIo, "cannot read " + name.string(), errno);
    if (n == 0) return {};
    PODIUM_TRY(WriteAll(to, {buffer.data(), static_cast<std::size_t>(n)}));
  }
}

}  // namespace

Status WriteFileAtomic(const fs::path& path, std::string_view bytes, unsigned mode) {
  return Replace(path, mode, [bytes](int fd) { return WriteAll(fd, bytes); });
}

Status WriteFileInPieces(const fs::path& path, const std::function<void(const Sink&)>& fill) {
  return Replace(path, 0644, [&fill](int fd) {
    constexpr std::size_t kAtOnce = 256 << 10;
    Status written;
    std::string held;
    auto flush = [&]() {
      if (written) written = WriteAll(fd, held);
      held.clear();
    };
    fill([&](std::string_view bytes) {
      held += bytes;
      if (held.size() >= kAtOnce) flush();
    });
    flush();
    return written;
  });
}

Status CopyFileAtomic(const fs::path& from, const fs::path& to) {
  UniqueFd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW));
  struct stat st {};
  if (!in || ::fstat(in.get(), &st) != 0)
    return FailErrno(ErrorCode::kIo, "cannot open " + from.string(), errno);
  if (!S_ISREG(st.st_mode)) return Fail(ErrorCode::kIo, from.string() + " is not a regular file");
  return Replace(to, 0644, [&](int fd) { return CopyAll(in.get(), fd, from); });
}

Status MakeDirs(const fs::path& dir) {
  std::error_code ec;
  fs::create_directories(dir, ec);
  if (ec) return FailErrno(ErrorCode::kIo, "cannot make folder " + dir.string(), ec.value());
  return {};
}

Status RemoveTree(const fs::path& dir) {
  std::error_code ec;
  fs::remove_all(dir, ec);
  if (ec) return FailErrno(ErrorCode::kIo, "cannot remove " + dir.string(), ec.value());
  return {};
}

Result<TempDir> TempDir::Make(std::string_view prefix) {
  const char* base = std::getenv("TMPDIR");
  std::string name =
      std::string(base && *base ? base : "/tmp") + "/" + std::string(prefix) + ".XXXXXX";
  if (!::mkdtemp(name.data()))
    return FailErrno(ErrorCode::kIo, "cannot make a temporary folder " + name, errno);
  return TempDir(name);
}

TempDir::~TempDir() {
  std::error_code ec;
  if (!path_.empty()) fs::remove_all(path_, ec);
}

Result<std::optional<FileLock>> FileLock::TryTake(const fs::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644));
  if (!fd) return FailErrno(ErrorCode::kIo, "cannot open " + path.string(), errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return FileLock(std::move(fd));
  if (errno == EWOULDBLOCK) return std::nullopt;
  return FailErrno(ErrorCode::kIo, "cannot lock " + path.string(), errno);
}

Result<MappedFile> MappedFile::Map(int fd) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return FailErrno(ErrorCode::kIo, "cannot stat descriptor", errno);
  auto size = static_cast<std::size_t>(st.st_size);
  if (size == 0) return MappedFile(nullptr, 0);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED) return FailErrno(ErrorCode::kIo, "cannot map file", errno);
  return MappedFile(static_cast<const char*>(data), size);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<char*>(data_), size_);
}

void MappedFile::Release(std::string_view bytes) const {
  auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  auto begin = std::max(reinterpret_cast<std::uintptr_t>(bytes.data()),
                        reinterpret_cast<std::uintptr_t>(data_));
  auto end = std::min(reinterpret_cast<std::uintptr_t>(bytes.data() + bytes.size()),
                      reinterpret_cast<std::uintptr_t>(data_ + size_));
  begin -= begin % page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

fs::path CacheDir() {
  if (const char* own = std::getenv("PODIUM_CACHE"); own && *own) return own;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg) return fs::path(xdg) / "podium";
  if (const char* home = std::getenv("HOME"); home && *home)
    return fs::path(home) / ".cache" / "podium";
  return "/var/cache/podium";
}

fs::path ProgramDir() {
  std::error_code ec;
  return fs::read_symlink("/proc/self/exe", ec).parent_path();
}

fs::path ShareDir() {
  if (const char* own = std::getenv("PODIUM_HOME"); own && *own) return own;
  std::error_code ec;
  fs::path installed = ProgramDir().parent_path() / "share" / "podium";
  if (fs::is_directory(installed / "tasks", ec)) return installed;
  return PODIUM_SOURCE_DIR;
}

}  // namespace podium
