#include "sandbox/host/handover.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/text.h"

namespace podium::sandbox {
namespace {

TakenFile Fault(TakeFault fault, std::string detail) {
  TakenFile out;
  out.fault = fault;
  out.detail = std::move(detail);
  return out;
}

TakenFile OpenFault(int error) {
  if (error == ENOENT || error == ENOTDIR) return Fault(TakeFault::kMissing, "no such file");
  if (error == ELOOP)
    return Fault(TakeFault::kSymlink, "the file or a folder on its way is a symbolic link");
  if (error == EXDEV)
    return Fault(TakeFault::kSymlink, "the path leads out of the sandbox's own files");
  if (error == ENXIO || error == ENODEV)
    return Fault(TakeFault::kNotRegular, "a socket or a device, not a regular file");
  return Fault(TakeFault::kUnreadable, std::strerror(error));
}

// Faults that can be seen before a byte is read.
TakenFile Inspect(const struct stat& st, std::uint64_t max_bytes, std::uint64_t max_holes) {
  if (!S_ISREG(st.st_mode)) {
    const char* what = S_ISFIFO(st.st_mode)   ? "a FIFO"
                       : S_ISDIR(st.st_mode)  ? "a folder"
                       : S_ISSOCK(st.st_mode) ? "a socket"
                                              : "a device";
    return Fault(TakeFault::kNotRegular, std::string(what) + ", not a regular file");
  }
  if (st.st_nlink != 1)
    return Fault(TakeFault::kHardLink, "the file has " + std::to_string(st.st_nlink) + " names");
  if (st.st_size == 0) return Fault(TakeFault::kEmpty, "0 bytes");
  if (static_cast<std::uint64_t>(st.st_size) > max_bytes) {
    return Fault(TakeFault::kTooLarge, FormatBytes(static_cast<std::uint64_t>(st.st_size)) +
                                           ", more than " + FormatBytes(max_bytes));
  }
  // Bytes that its writer never paid for would be paid for here, in disk and memory.
  std::uint64_t size = static_cast<std::uint64_t>(st.st_size);
  std::uint64_t held = static_cast<std::uint64_t>(st.st_blocks) * 512;
  if (size > held && size - held > max_holes) {
    return Fault(TakeFault::kSparse,
                 FormatBytes(size) + ", of which " + FormatBytes(held) + " are there");
  }
  return {};
}

// Copies to the end; hashed where a digest is asked for.
class Copier {
 public:
  Copier(std::uint64_t max_bytes, Deadline deadline, bool hashed)
      : max_bytes_(max_bytes), deadline_(deadline), hashed_(hashed) {}

  // `size`: as the file has it now; it may grow meanwhile.
  Result<TakenFile> Run(int from, int to, std::uint64_t size) {
    std::size_t room = std::clamp<std::size_t>(size + 1, kLeastBuffer, kMostBuffer);
    auto buffer = std::make_unique_for_overwrite<char[]>(room);
    for (;;) {
      ssize_t n = ::read(from, buffer.get(), room);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Fault(TakeFault::kUnreadable, std::strerror(errno));
      if (n == 0) break;
      if (deadline_.expired()) return Fail(ErrorCode::kTimeout, "a file was not copied in time");
      out_.bytes += static_cast<std::uint64_t>(n);
      if (out_.bytes > max_bytes_)
        return Fault(TakeFault::kTooLarge, "it grew beyond " + FormatBytes(max_bytes_));
      std::string_view part(buffer.get(), static_cast<std::size_t>(n));
      if (hashed_) hasher_.Update(part);
      PODIUM_TRY(WriteAll(to, part));
    }
    if (hashed_) out_.digest = hasher_.Finish();
    return std::move(out_);
  }

 private:
  static constexpr std::size_t kLeastBuffer = 4 << 10, kMostBuffer = 1 << 20;
  std::uint64_t max_bytes_;
  Deadline deadline_;
  bool hashed_;
  Hasher hasher_;
  TakenFile out_;
};

struct Opened {
  UniqueFd file;
  std::uint64_t size = 0;
  TakenFile fault;  // where it may not be taken
};

Result<Opened> OpenBeneath(int root_fd, const std::string& relative, std::uint64_t max_bytes,
                           std::uint64_t max_holes) {
  open_how how{};
  how.flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  Opened out;
  out.file = UniqueFd(
      static_cast<int>(::syscall(SYS_openat2, root_fd, relative.c_str(), &how, sizeof how)));
  if (!out.file && errno == ENOSYS)
    return Fail(ErrorCode::kUnavailable,
                "this kernel has no openat2 (Linux 5.6 or newer is needed)");
  if (!out.file) {
    out.fault = OpenFault(errno);
    return out;
  }
  struct stat st {};
  if (::fstat(out.file.get(), &st) != 0) return FailErrno(ErrorCode::kSandbox, "fstat", errno);
  out.fault = Inspect(st, max_bytes, max_holes);
  out.size = static_cast<std::uint64_t>(st.st_size);
  return out;
}

// Whatever is not the whole file is removed.
Result<TakenFile> CopyTo(const Opened& from, const std::filesystem::path& to, Copier copier,
                         UniqueFd& out) {
  out = UniqueFd(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!out) return FailErrno(ErrorCode::kIo, "cannot create " + to.string(), errno);
  auto copied = copier.Run(from.file.get(), out.get(), from.size);
  if (!copied || copied->fault != TakeFault::kNone) ::unlink(to.c_str());
  return copied;
}

}  // namespace

Result<TakenFile> TakeBeneath(int root_fd, const std::string& relative,
                              const std::filesystem::path& to, std::uint64_t max_bytes,
                              Deadline deadline, std::uint64_t max_holes) {
  if (deadline.expired()) return Fail(ErrorCode::kTimeout, "no time was left to take " + relative);
  PODIUM_ASSIGN(auto from, OpenBeneath(root_fd, relative, max_bytes, max_holes));
  if (from.fault.fault != TakeFault::kNone) return from.fault;
  std::filesystem::path temp = to.string() + ".taking";
  UniqueFd out;
  auto copied = CopyTo(from, temp, Copier(max_bytes, deadline, true), out);
  if (!copied || copied->fault != TakeFault::kNone) return copied;
  if (::fsync(out.get()) != 0 || ::rename(temp.c_str(), to.c_str()) != 0)
    return FailErrno(ErrorCode::kIo, "cannot keep " + to.string(), errno);
  return copied;
}

Result<TakenFile> TakeForTree(int folder_fd, const std::string& name,
                              const std::filesystem::path& to, std::uint64_t max_bytes,
                              Deadline deadline) {
  if (deadline.expired()) return Fail(ErrorCode::kTimeout, "no time was left to take " + name);
  PODIUM_ASSIGN(auto from, OpenBeneath(folder_fd, name, max_bytes, kMostHoles));
  if (from.fault.fault != TakeFault::kNone) return from.fault;
  UniqueFd out;
  return CopyTo(from, to, Copier(max_bytes, deadline, false), out);
}

Result<TakenFile> TakeByPath(const std::filesystem::path& from, const std::filesystem::path& to) {
  UniqueFd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!in) return Fault(TakeFault::kMissing, std::strerror(errno));
  UniqueFd out(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!out) return FailErrno(ErrorCode::kIo, "cannot create " + to.string(), errno);
  Copier copier(std::uint64_t{1} << 20, Deadline::In(kUnguardedCopyTime), true);
  return copier.Run(in.get(), out.get(), 0);
}

}  // namespace podium::sandbox
