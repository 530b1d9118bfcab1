#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/images/layer_stream.h"

namespace podium::sandbox {

struct Unpacked {
  Digest digest;            // of the uncompressed archive
  std::uint64_t bytes = 0;  // uncompressed
  std::uint64_t members = 0;
  std::map<std::string, std::uint64_t> notes;  // what was left out, counted
  std::vector<std::string> implied;            // folders that no member describes
};

enum class UnpackAs {
  kLayer,  // owners, modes and whiteouts as a container's layer: needs root
  kPlain,  // names as they are, owned by the caller: an archive of archives
};

// Called now and then with the uncompressed bytes read so far.
using ByteProgress = std::function<void(std::uint64_t)>;

// Unpacks a tar file, compressed or not, into the empty folder `root`. Every rule of docs/images.md
// holds; at the first broken one it stops with that refusal, and what it wrote by then is the
// caller's to remove. Owners, modes and times are the archive's; extended attributes are dropped.
// `first_id` is added to every owner: where a sandbox's range begins.
[[nodiscard]] Result<Unpacked> UnpackTar(UniqueFd file, UniqueFd root, UnpackAs as,
                                         const UnpackLimits& limits, const ByteProgress& progress,
                                         std::uint32_t first_id = 0);

// Reads the file to its end for its digest and size; limits hold.
[[nodiscard]] Result<StreamEnd> DigestUncompressed(UniqueFd file, const UnpackLimits& limits,
                                                   const ByteProgress& progress);

}  // namespace podium::sandbox
