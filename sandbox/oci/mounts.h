#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/oci/host_paths.h"
#include "sandbox/sandbox.h"

namespace podium::sandbox {

// 65,536 host ids that no other live sandbox of this machine has, held by a lock that dies with its
// process.
class IdRange {
 public:
  [[nodiscard]] static Result<IdRange> Take();
  [[nodiscard]] std::uint32_t first() const { return first_; }
  static constexpr std::uint32_t kCount = 65'536;

 private:
  IdRange(UniqueFd fd, std::uint32_t first) : lock_(std::move(fd)), first_(first) {}
  UniqueFd lock_;
  std::uint32_t first_ = 0;
};

// The agent's user and group inside every container.
inline constexpr std::uint32_t kAgentId = 1000;

// Prepares the file systems of a sandbox below paths.base: root (overlay of the image and a sized
// layer), data0, data1, ... (read-only overlays of the data folders). Every lower layer is an
// idmapped view, so image and data need no chown and no two sandboxes share a mount of the same
// file. Returns how the disk is limited, for the isolation record. Blocking.
[[nodiscard]] Result<std::string> MakeFileSystems(const HostPaths& paths, const SandboxSpec& spec,
                                                  const IdRange& ids, Deadline deadline);

}  // namespace podium::sandbox
