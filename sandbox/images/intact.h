#pragma once

#include "base/result.h"
#include "sandbox/images/image.h"

namespace podium::sandbox {

// Whether an image's files are what they were when it was built or imported. Beside each layer's
// rootfs lies intact.json: the digest of the files, and one of their lstat (inode, size, mode,
// times of change), which tells in a moment that nobody has touched them. Where that differs the
// files are read again; where their digest differs the image was edited in place (kDigest), and
// results of it would bear the name of another. The first look at a layer without intact.json notes
// what is there. Blocks: tens of milliseconds as a rule, seconds where files must be read.
[[nodiscard]] Status CheckIntact(const Image& image);

}  // namespace podium::sandbox
