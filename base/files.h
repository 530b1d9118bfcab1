#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace podium {

// A file opened to be read, close-on-exec. A folder, FIFO, socket or device is an error: none of
// them can make the caller wait.
[[nodiscard]] Result<UniqueFd> OpenRegular(const std::filesystem::path& path);

// The whole file, or an error when it is larger than `max_bytes`. For files that Podium or its user
// wrote; never for what somebody else put into a folder (base/foreign_folder.h), nor for a path
// inside a sandbox (sandbox/host/handover.h).
[[nodiscard]] Result<std::string> ReadFile(const std::filesystem::path& path,
                                           std::uint64_t max_bytes = std::uint64_t{1} << 32);

// Writes all of `bytes` to `fd`.
[[nodiscard]] Status WriteAll(int fd, std::string_view bytes);

// Readers see the old bytes or the new, after a crash too: temporary file beside it, fsync, rename,
// fsync of the folder.
[[nodiscard]] Status WriteFileAtomic(const std::filesystem::path& path, std::string_view bytes,
                                     unsigned mode = 0644);

// A copy of a regular file that is no link, written as WriteFileAtomic does. Blocks.
[[nodiscard]] Status CopyFileAtomic(const std::filesystem::path& from,
                                    const std::filesystem::path& to);

[[nodiscard]] Status MakeDirs(const std::filesystem::path& dir);

// Removes a tree, following no link; no error if it is not there.
[[nodiscard]] Status RemoveTree(const std::filesystem::path& dir);

// A folder of its own under the system's temporary folder, removed with all it holds at
// destruction.
class TempDir {
 public:
  [[nodiscard]] static Result<TempDir> Make(std::string_view prefix);
  TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempDir& operator=(TempDir&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~TempDir();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit TempDir(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// An exclusive advisory lock (flock) on a file, made if absent; held until destruction. Empty when
// another process holds it.
class FileLock {
 public:
  [[nodiscard]] static Result<std::optional<FileLock>> TryTake(const std::filesystem::path& path);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// A memory map of a whole file opened by descriptor, read-only.
class MappedFile {
 public:
  [[nodiscard]] static Result<MappedFile> Map(int fd);
  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~MappedFile();
  [[nodiscard]] std::string_view bytes() const { return {data_, size_}; }
  // Gives back the memory of those of the bytes that are this file's; they are read from the file
  // again when they are next looked at. Any thread.
  void Release(std::string_view bytes) const;

 private:
  MappedFile(const char* data, std::size_t size) : data_(data), size_(size) {}
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

// Where Podium keeps what can be made again: $PODIUM_CACHE, else $XDG_CACHE_HOME/podium, else
// ~/.cache/podium.
[[nodiscard]] std::filesystem::path CacheDir();

// Where the files shipped with Podium lie (tasks/, configs/, agents/proposers): $PODIUM_HOME, else
// share/podium beside the program's folder when installed, else the source tree it was built from.
[[nodiscard]] std::filesystem::path ShareDir();

// The folder of the running program, where its companions (podium-grade, podium-init) lie.
[[nodiscard]] std::filesystem::path ProgramDir();

}  // namespace podium
