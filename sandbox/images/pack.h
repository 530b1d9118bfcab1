#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/images/placer.h"
#include "sandbox/images/unpack.h"

namespace podium::sandbox {

enum class TarCoding { kPlain, kZstd };

// Writes a tar whose bytes follow from its members alone: equal members, equal digest (compressed,
// of one version of libzstd).
class TarWriter {
 public:
  [[nodiscard]] static Result<TarWriter> Create(const std::filesystem::path& to,
                                                TarCoding coding = TarCoding::kPlain);
  TarWriter(TarWriter&&) noexcept;
  TarWriter& operator=(TarWriter&&) noexcept;
  ~TarWriter();
  // `bytes` gives a file's content piece by piece; empty at the end.
  using Source = std::function<Result<std::string_view>()>;
  [[nodiscard]] Status Add(const Member& member, const Source& bytes);
  [[nodiscard]] Status AddFile(Member member, std::string_view bytes);
  [[nodiscard]] Status Close();

 private:
  struct Impl;
  explicit TarWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// How a folder in overlayfs' format becomes the tar of a layer.
struct LayerPacking {
  // Of a sandbox's writable layer: where its range begins. Empty: owners and times as they are.
  std::optional<std::uint32_t> first_id;
  std::vector<std::string> left_out = {};  // names at the top that are no part of it
  // Owners as in the sandbox and times as they are; else as an image has them, in whose making root
  // and the agent changed places, with one time for all.
  bool of_sandbox = false;
  TarCoding coding = TarCoding::kPlain;
};
// The layer as a tar with whiteouts as images write them. Blocks.
[[nodiscard]] Status PackLayer(const std::filesystem::path& upper, const std::filesystem::path& to,
                               const LayerPacking& packing);

// A folder as a tar: sorted by name, owners, modes and times as they are, hard links kept. Sockets
// are left out; another file system mounted inside is an error.
[[nodiscard]] Status PackFolder(const std::filesystem::path& folder,
                                const std::filesystem::path& to, const ByteProgress& progress);

}  // namespace podium::sandbox
