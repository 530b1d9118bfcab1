#include "sandbox/host/disk.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/files.h"
#include "base/process.h"
#include "base/unique_fd.h"
#include "sandbox/host/rootless.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

Status MakeExt4(const fs::path& file, std::uint64_t bytes, std::uint64_t inodes,
                Deadline deadline) {
  UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0)
    return FailErrno(ErrorCode::kSandbox, "cannot make " + file.string(), errno);
  ProcessSpec mkfs;
  mkfs.argv = {"mkfs.ext4",
               "-q",
               "-F",
               "-m",
               "0",
               "-O",
               "^has_journal,^resize_inode",
               "-E",
               "lazy_itable_init=1,nodiscard,root_owner=0:0",
               "-N",
               std::to_string(inodes),
               file.string()};
  auto made = RunTool(mkfs, deadline);
  if (!made) return tl::unexpected(made.error());
  return {};
}

// An empty file system of this size, made once a machine: only its used blocks are copied for a
// sandbox, which is ten times faster than making it anew.
Result<fs::path> Template(std::uint64_t bytes, std::uint64_t inodes, Deadline deadline) {
  fs::path dir = HostDir() / "disks";
  fs::path file = dir / (std::to_string(bytes) + "-" + std::to_string(inodes) + ".ext4");
  std::error_code ec;
  if (fs::exists(file, ec)) return file;
  PODIUM_TRY(MakeDirs(dir));
  fs::path temp = file.string() + "." + std::to_string(::gettid()) + ".new";
  auto made = MakeExt4(temp, bytes, inodes, deadline);
  if (made && ::rename(temp.c_str(), file.c_str()) == 0) return file;
  int error = errno;
  ::unlink(temp.c_str());
  if (!made) return tl::unexpected(made.error());
  return FailErrno(ErrorCode::kSandbox, "cannot keep " + file.string(), error);
}

// Where the kernel does not copy (another file system, an old kernel): by reading and writing.
Status CopyRange(int in, int out, off_t from, off_t end) {
  std::vector<char> buffer(1 << 20);
  while (from < end) {
    std::size_t part = std::min(buffer.size(), static_cast<std::size_t>(end - from));
    ssize_t n = ::pread(in, buffer.data(), part, from);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      return FailErrno(ErrorCode::kSandbox, "cannot read a disk's template", n ? errno : EIO);
    for (ssize_t done = 0; done < n;) {
      ssize_t m =
          ::pwrite(out, buffer.data() + done, static_cast<std::size_t>(n - done), from + done);
      if (m < 0 && errno == EINTR) continue;
      if (m <= 0)
        return FailErrno(ErrorCode::kSandbox, "cannot write a sandbox's disk", m ? errno : EIO);
      done += m;
    }
    from += n;
  }
  return {};
}

// Copies the blocks that hold something; holes stay holes.
Status CopySparse(const fs::path& from, const fs::path& to) {
  UniqueFd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  UniqueFd out(::open(to.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  struct stat st {};
  if (!in || !out || ::fstat(in.get(), &st) != 0 || ::ftruncate(out.get(), st.st_size) != 0)
    return FailErrno(ErrorCode::kSandbox, "cannot copy " + from.string() + " to " + to.string(),
                     errno);
  for (off_t at = 0; at < st.st_size;) {
    off_t data = ::lseek(in.get(), at, SEEK_DATA);
    if (data < 0) break;  // ENXIO: only a hole is left
    off_t end = ::lseek(in.get(), data, SEEK_HOLE);
    off_t from_at = data, to_at = data;
    while (from_at < end) {
      ssize_t n = ::copy_file_range(in.get(), &from_at, out.get(), &to_at,
                                    static_cast<std::size_t>(end - from_at), 0);
      if (n > 0) continue;
      PODIUM_TRY(CopyRange(in.get(), out.get(), from_at, end));
      break;
    }
    at = end;
  }
  return {};
}

// A loop device over the file, which frees itself when its last user is gone; its path.
Result<std::pair<UniqueFd, std::string>> AttachLoop(const fs::path& file) {
  UniqueFd backing(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  UniqueFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!backing || !control) return FailErrno(ErrorCode::kUnavailable, "no loop device", errno);
  for (int attempt = 0; attempt < 200; ++attempt) {
    int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) break;
    std::string path = "/dev/loop" + std::to_string(number);
    UniqueFd loop(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!loop) break;
    loop_config config{};
    config.fd = static_cast<__u32>(backing.get());
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    std::strncpy(reinterpret_cast<char*>(config.info.lo_file_name), file.c_str(), LO_NAME_SIZE - 1);
    if (::ioctl(loop.get(), LOOP_CONFIGURE, &config) == 0)
      return std::pair<UniqueFd, std::string>(std::move(loop), path);
    if (errno != EBUSY) break;  // EBUSY: another process was faster
  }
  return FailErrno(ErrorCode::kUnavailable, "no loop device", errno);
}

// Empty, or why there is none.
Result<std::string> MountLoop(const HostPaths& paths, std::uint64_t bytes, std::uint64_t inodes,
                              Deadline deadline) {
  if (IsRootless()) return "rootless";
  PODIUM_ASSIGN(auto made, Template(bytes, inodes, deadline));
  PODIUM_TRY(CopySparse(made, paths.disk));
  auto loop = AttachLoop(paths.disk);
  fs::path at = paths.base / "disk";
  if (loop && ::mount(loop->second.c_str(), at.c_str(), "ext4", MS_NOSUID | MS_NODEV | MS_NOATIME,
                      nullptr) == 0)
    return "";
  std::string why = loop ? std::strerror(errno) : loop.error().message;
  ::unlink(paths.disk.c_str());
  return why;
}

}  // namespace

Result<std::string> MountDisk(const HostPaths& paths, const SandboxSpec& spec, Deadline deadline) {
  fs::path at = paths.base / "disk";
  std::uint64_t bytes = spec.limits.disk_bytes, inodes = spec.limits.inodes;
  if (spec.without.contains(Mitigation::kDiskLimit)) bytes *= 16;
  if (spec.without.contains(Mitigation::kInodeLimit)) inodes *= 16;
  auto loop = MountLoop(paths, bytes, inodes, deadline);
  if (loop && loop->empty()) return "sized ext4 file on a loop device (bytes and inodes)";
  if (!loop) return tl::unexpected(loop.error());
  std::string options =
      "size=" + std::to_string(bytes) + ",nr_inodes=" + std::to_string(inodes) + ",mode=755";
  if (::mount("podium", at.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return FailErrno(ErrorCode::kUnavailable,
                     "cannot limit the disk: no loop device (" + *loop + ") and no tmpfs", errno);
  }
  return "sized tmpfs (bytes and inodes; it counts as memory)";
}

}  // namespace podium::sandbox
