#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/images/image.h"

namespace podium::sandbox {

// A layer of an image as its maker wrote it down.
struct SourceLayer {
  UniqueFd file;
  std::string diff_id;  // 64 hex digits
};

struct SourceImage {
  std::string ref;  // what the source calls it, if anything
  ImageConfig config;
  std::vector<SourceLayer> layers;  // bottom first, as in the source
};

// An OCI image layout (image-spec 1.1) in the folder `dir`. Of several images, the one that `ref`
// names, else the only one for linux and this machine's processor. The digest and size of every
// blob are checked against what names it.
[[nodiscard]] Result<SourceImage> ReadOciLayout(int dir, const std::string& ref);

// What `docker save` wrote before version 25 (manifest.json, <id>/layer.tar), unpacked in `dir`.
[[nodiscard]] Result<SourceImage> ReadDockerSave(int dir, const std::string& ref);

}  // namespace podium::sandbox
