#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace podium::sandbox {

// What an archive may cost before it is refused.
struct UnpackLimits {
  std::uint64_t bytes = std::uint64_t{64} << 30;  // uncompressed, headers included
  std::uint64_t members = 2'000'000;
  std::uint64_t ratio = 400;  // uncompressed to compressed, once free_bytes are out
  std::uint64_t free_bytes = std::uint64_t{256} << 20;
  std::size_t depth = 128;  // components of a name
};

// An archive or a member of it that Podium does not take. `reason` is one of the stable words of
// docs/images.md; `member` is escaped for terminals. Error::context holds both.
[[nodiscard]] tl::unexpected<Error> Refuse(std::string_view reason, std::string_view member,
                                           std::string_view why);

struct StreamEnd {
  Digest digest;               // of the uncompressed bytes: a layer's diff_id
  std::uint64_t bytes = 0;     // uncompressed
  std::uint64_t nonzero = 0;   // offset after the last byte that is not zero
  std::uint64_t trailing = 0;  // bytes of the file after the compressed stream
};

// The uncompressed bytes of a tar file (plain, gzip, bzip2, xz or zstd), hashed and counted as they
// pass. One user at a time.
class LayerStream {
 public:
  [[nodiscard]] static Result<LayerStream> Open(UniqueFd file, const UnpackLimits& limits);
  LayerStream(LayerStream&&) noexcept;
  LayerStream& operator=(LayerStream&&) noexcept;
  ~LayerStream();

  // The next bytes, valid until the next call; empty at the end.
  [[nodiscard]] Result<std::string_view> Next();
  // Reads what is left.
  [[nodiscard]] Result<StreamEnd> Finish();
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  struct Impl;
  explicit LayerStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Opens a file of the user's for reading; only a regular file.
[[nodiscard]] Result<UniqueFd> OpenArchive(const std::filesystem::path& path);

}  // namespace podium::sandbox
