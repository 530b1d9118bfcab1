#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace podium {

// What lies in a folder, by its name relative to it ("data/public/train.csv").
struct ForeignEntry {
  std::string name;
  bool folder = false;
  bool executable = false;
  std::uint64_t bytes = 0;
};

// How much of a folder is looked at before it is refused.
struct ForeignBounds {
  std::size_t entries = 4'000'000;
  int depth = 64;
};

// A folder that somebody else filled: an agent, a task package, a checkout, an image's recipe, a
// run that was sent. What is read of it lies beneath it: a symbolic link, a name that leads out, a
// FIFO, a socket or a device is an error (kConfig) that names it, as is a file with another name
// elsewhere that belongs to somebody else than the folder; every read is bounded. The folder itself
// is the user's word and may be reached over links.
//
// Names are relative, with '/' between their parts; "..", "." and empty parts are refused. Holds
// one descriptor. Any thread.
class ForeignFolder {
 public:
  [[nodiscard]] static Result<ForeignFolder> Open(const std::filesystem::path& dir);

  // A folder of this one, which is read by the same rules.
  [[nodiscard]] Result<ForeignFolder> Folder(const std::string& name) const;

  // The same, made with its parents where it is missing; nothing is made outside this one.
  [[nodiscard]] Result<ForeignFolder> MakeFolder(const std::string& name) const;

  // A regular file of at most `max_bytes`, read-only, close-on-exec.
  [[nodiscard]] Result<UniqueFd> OpenFile(const std::string& name, std::uint64_t max_bytes) const;
  [[nodiscard]] Result<std::string> Read(const std::string& name, std::uint64_t max_bytes) const;
  [[nodiscard]] Result<Digest> DigestOf(const std::string& name) const;

  // Whether a regular file has this name. Something else there is an error, not "no".
  [[nodiscard]] Result<bool> Has(const std::string& name) const;

  // Everything below, folders before what they hold, sorted by name. Blocks.
  [[nodiscard]] Result<std::vector<ForeignEntry>> List(const ForeignBounds& bounds = {}) const;

  // Of the files alone: SHA-256 over "name NUL sha256 LF" by name. Modes and times differ between
  // checkouts, so they do not count. Blocks.
  [[nodiscard]] Result<Digest> DigestOfFiles(const ForeignBounds& bounds = {}) const;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  ForeignFolder(UniqueFd fd, std::filesystem::path path)
      : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  std::filesystem::path path_;
};

// Whether the name can be that of something beneath a folder: see ForeignFolder.
[[nodiscard]] bool IsNameBeneath(const std::string& name);

// The error that says that a name cannot be: "... must be the name of a file in DIR".
[[nodiscard]] tl::unexpected<Error> NotBeneath(const std::filesystem::path& dir,
                                               const std::string& name);

}  // namespace podium
