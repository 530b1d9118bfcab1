#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/records/hand_over.h"

namespace podium::sandbox {

using records::TakeFault;
using records::TakeFaultText;

struct TakenFile {
  TakeFault fault = TakeFault::kNone;
  std::string detail;  // for a person
  std::uint64_t bytes = 0;
  Digest digest;  // of the bytes stored
};

// Bounds of Sandbox::TakeTree.
struct TreeCaps {
  std::uint64_t files = 2000;      // taken
  std::uint64_t entries = 20'000;  // looked at
  std::uint64_t bytes = std::uint64_t{256} << 20;
  std::uint64_t file_bytes = std::uint64_t{64} << 20;  // of one file
  int depth = 16;                                      // folders in folders
  std::size_t name_bytes = 200;                        // of one name
};

struct TakenTree {
  struct LeftOut {
    std::string path;  // below the folder; not printable as it stands
    TakeFault fault = TakeFault::kNone;
  };
  std::uint64_t files = 0, bytes = 0;
  std::vector<LeftOut> left_out;     // the first of them
  std::uint64_t left_out_count = 0;  // of all that was looked at
  bool complete = true;              // everything was looked at
};

}  // namespace podium::sandbox
