#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/images/image.h"
#include "sandbox/images/unpack.h"

namespace podium::sandbox {

// The images' part of the cache:
//   layers/<diff_id>/{rootfs,layer.json}  content-addressed, never changed, 0700 (setuid files lie
//                                         inside)
//   names/<name>/image.json               an imported image
//   <name>-<recipe>/{rootfs,image.json}   a recipe's image
//   .tmp/<n>/                             work of a live import; whatever else lies there is
//   garbage .lock                                 shared by who adds, exclusive for who collects
class ImageStore {
 public:
  explicit ImageStore(const std::filesystem::path& cache) : root_(cache / "images") {}

  // Held while something is added (shared) or collected (exclusive).
  [[nodiscard]] Result<UniqueFd> Lock(bool exclusive) const;
  // A fresh folder for work; the caller removes it.
  [[nodiscard]] Result<std::filesystem::path> MakeTemp() const;

  [[nodiscard]] std::optional<ImportedLayer> FindLayer(const std::string& diff_id) const;
  // Unpacks an archive whose uncompressed bytes have that digest, unless the layer is there. Made
  // whole in `temp`, synced and renamed, so a layer that has its place is complete.
  [[nodiscard]] Result<ImportedLayer> PutLayer(const UniqueFd& archive, const std::string& diff_id,
                                               const std::filesystem::path& temp,
                                               const UnpackLimits& limits,
                                               const ByteProgress& progress) const;
  // Folders of the layer that no member describes.
  [[nodiscard]] Result<std::vector<std::string>> ImpliedFolders(const std::string& diff_id) const;

  [[nodiscard]] Status WriteName(const Image& image) const;
  [[nodiscard]] Result<Image> ReadName(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> Names() const;

  [[nodiscard]] std::filesystem::path LayerRoot(const std::string& diff_id) const {
    return root_ / "layers" / diff_id / "rootfs";
  }
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }

 private:
  std::filesystem::path root_;
};

// Bytes of the regular files below; links are not followed.
[[nodiscard]] std::uint64_t TreeBytes(const std::filesystem::path& dir);

// A recipe's built image from its folder.
[[nodiscard]] Result<Image> ReadBuiltImage(const std::filesystem::path& dir);

}  // namespace podium::sandbox
