#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "tables/frame/read_csv.h"

namespace podium {

// Bounds of what compressed bytes may become.
struct UnpackLimits {
  std::uint64_t max_bytes = std::uint64_t{4} << 30;
  // Unpacked to packed, looked at from `free_bytes` on: deflate reaches 1032, tables seldom 50.
  std::uint64_t max_ratio = 250;
  std::uint64_t free_bytes = 16 << 20;
};

// Whether bytes begin as a gzip or a ZIP file does.
[[nodiscard]] bool IsPacked(std::string_view bytes);

// The one file inside a gzip (RFC 1952, one member) or ZIP file (PKWARE's APPNOTE, stored or
// deflated, one entry, neither encrypted nor ZIP64); its name is not looked at, its check sum is.
// Faults: "damaged_archive", "unpacked_too_large" (either bound), "archive_members" (none, several,
// or bytes behind it), "nested_archive" (what is inside is packed again), "unsupported_archive".
[[nodiscard]] tl::expected<std::string, ReadFault> Unpack(std::string_view bytes,
                                                          const UnpackLimits& limits = {});

}  // namespace podium
