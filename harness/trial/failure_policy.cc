#include "harness/trial/failure_policy.h"

#include <fcntl.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

#include "base/deadlines.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace podium::harness {
namespace {

// Less is none: a journal's lines and a verdict must fit.
constexpr std::uint64_t kLeastBytes = std::uint64_t{16} << 20;
constexpr std::uint64_t kLeastInodes = 64;

std::string FullDisk(const std::filesystem::path& folder) {
  struct statvfs fs {};
  if (::statvfs(folder.c_str(), &fs) != 0) return "";
  std::uint64_t bytes = std::uint64_t{fs.f_bavail} * fs.f_frsize;
  if (fs.f_blocks > 0 && bytes < kLeastBytes)
    return "the disk of " + folder.string() + " is full: " + FormatBytes(bytes) + " are left";
  if (fs.f_files > 0 && fs.f_favail < kLeastInodes)
    return "the file system of " + folder.string() + " has no inodes left";
  return "";
}

}  // namespace

bool IsReplaced(std::string_view code) {
  for (ErrorCode kind :
       {ErrorCode::kIo, ErrorCode::kTimeout, ErrorCode::kUnavailable, ErrorCode::kSandbox,
        ErrorCode::kModel, ErrorCode::kGrader, ErrorCode::kInternal}) {
    if (CodeText(kind) == code) return true;
  }
  return false;
}

Millis PauseAfter(int failures, Millis pause) {
  for (int i = 1; i < failures && pause < kLongestRetryPause; ++i) pause *= 2;
  return std::min(pause, kLongestRetryPause);
}

std::string HostTrouble(const std::vector<std::filesystem::path>& folders) {
  UniqueFd probe(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!probe && (errno == EMFILE || errno == ENFILE))
    return "there are no file descriptors left (ulimit -n)";
  for (const auto& folder : folders) {
    if (std::string text = FullDisk(folder); !text.empty()) return text;
  }
  return "";
}

std::string HostTrouble(const Error& error, const std::vector<std::filesystem::path>& folders) {
  bool says = std::ranges::find(error.context, kHostsLack) != error.context.end();
  return says ? error.message : HostTrouble(folders);
}

}  // namespace podium::harness
