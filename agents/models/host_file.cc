#include "agents/models/host_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/files.h"
#include "base/text.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;

constexpr off_t kLocks = off_t{1} << 40;  // behind all numbers

struct flock Range(short type, off_t begin, off_t length) {
  struct flock out {};
  out.l_type = type;
  out.l_whence = SEEK_SET;
  out.l_start = kLocks + begin;
  out.l_len = length;
  return out;
}

// The clock that times in these files are of begins with a boot.
Result<std::string> BootText() {
  PODIUM_ASSIGN(auto id, ReadFile("/proc/sys/kernel/random/boot_id", 100));
  return Digest::Of(Trim(id)).hex().substr(0, 8);
}

void RemoveOld(const fs::path& folder, const std::string& ending) {
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    std::error_code ignored;
    if (!it->path().filename().string().ends_with(ending)) fs::remove(it->path(), ignored);
  }
}

}  // namespace

Result<HostFile> HostFile::Open(const fs::path& folder, std::string_view kind,
                                std::string_view name) {
  PODIUM_TRY(MakeDirs(folder));
  PODIUM_ASSIGN(auto boot, BootText());
  RemoveOld(folder, "-" + boot);
  fs::path path =
      folder / (std::string(kind) + "-" + Digest::Of(name).hex().substr(0, 24) + "-" + boot);
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return FailErrno(ErrorCode::kIo, "cannot open " + path.string(), errno);
  return HostFile(std::move(fd));
}

bool HostFile::TryLock(std::int64_t place, bool shared) {
  struct flock range = Range(shared ? F_RDLCK : F_WRLCK, place, 1);
  return ::fcntl(fd_.get(), F_OFD_SETLK, &range) == 0;
}

void HostFile::Unlock(std::int64_t place) {
  struct flock range = Range(F_UNLCK, place, 1);
  ::fcntl(fd_.get(), F_OFD_SETLK, &range);
}

bool HostFile::OthersHave(std::int64_t place) const {
  struct flock range = Range(F_WRLCK, place, 1);
  return ::fcntl(fd_.get(), F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

// The kernel names any lock in the way, which need not be the first: what lies before it is looked
// at as well.
std::set<std::int64_t> HostFile::OthersIn(std::int64_t count) const {
  std::set<std::int64_t> out;
  std::vector<std::pair<off_t, off_t>> open = {{0, count}};
  while (!open.empty()) {
    auto [begin, end] = open.back();
    open.pop_back();
    struct flock range = Range(F_WRLCK, begin, end - begin);
    if (begin >= end || ::fcntl(fd_.get(), F_OFD_GETLK, &range) != 0 || range.l_type == F_UNLCK)
      continue;
    off_t first = std::max<off_t>(range.l_start - kLocks, begin);
    off_t last = std::min<off_t>(range.l_start - kLocks + range.l_len, end);
    for (off_t i = first; i < last; ++i) out.insert(i);
    open.emplace_back(begin, first);
    open.emplace_back(last, end);
  }
  return out;
}

void HostFile::Read(std::int64_t first, std::span<std::int64_t> out) const {
  std::ranges::fill(out, 0);
  auto at = static_cast<off_t>(first * static_cast<std::int64_t>(sizeof(std::int64_t)));
  (void)::pread(fd_.get(), out.data(), out.size_bytes(), at);
}

void HostFile::Write(std::int64_t first, std::span<const std::int64_t> values) {
  auto at = static_cast<off_t>(first * static_cast<std::int64_t>(sizeof(std::int64_t)));
  (void)::pwrite(fd_.get(), values.data(), values.size_bytes(), at);
}

std::int64_t HostFile::numbers() const {
  struct stat st {};
  if (::fstat(fd_.get(), &st) != 0) return 0;
  return st.st_size / static_cast<std::int64_t>(sizeof(std::int64_t));
}

}  // namespace podium::agents
