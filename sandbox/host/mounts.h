#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/host/host_paths.h"
#include "sandbox/spec.h"

namespace podium::sandbox {

// Host ids that no other live sandbox of this machine has, held by a lock that dies with its
// process: 65,536, or rootless 1,024 of those that are the user's, never the user itself.
class IdRange {
 public:
  [[nodiscard]] static Result<IdRange> Take();
  [[nodiscard]] std::uint32_t first() const { return first_; }
  [[nodiscard]] static std::uint32_t Count();

 private:
  IdRange(UniqueFd fd, std::uint32_t first) : lock_(std::move(fd)), first_(first) {}
  UniqueFd lock_;
  std::uint32_t first_ = 0;
};

// The agent's user and group inside every container.
inline constexpr std::uint32_t kAgentId = 1000;
// podium-init's, which nobody else is.
inline constexpr std::uint32_t kInitId = 999;

// How the ids inside a sandbox are numbered on the host: shifted into its own range, or, without a
// user namespace, as they are.
struct IdShift {
  std::uint32_t first = 0;
  [[nodiscard]] std::uint32_t Host(std::uint32_t inside) const { return first + inside; }
};

// Shows `from` at `to` (a folder) read-only, with files of ids `from_first`... appearing as
// `to_first`...; rootless only where `from` is on a file system that Podium mounted.
[[nodiscard]] Status BindIdmapped(const std::filesystem::path& from,
                                  const std::filesystem::path& to, std::uint32_t from_first,
                                  std::uint32_t to_first);

// `layers`: topmost first, at least one; `upper` and `work` empty: read-only (two layers at least).
// Any number of layers fits.
[[nodiscard]] Status MountOverlay(const std::filesystem::path& at,
                                  const std::vector<std::filesystem::path>& layers,
                                  const std::filesystem::path& upper,
                                  const std::filesystem::path& work, unsigned long flags);

[[nodiscard]] Status MakeDir(const std::filesystem::path& dir, std::uint32_t owner, unsigned mode);

// Writes a file of a sandbox's own, which the reaper removes after a crash, so that it waits for no
// disk: each fsync of a file on a loop device is one of the host's journal too.
[[nodiscard]] Status WriteOwnFile(const std::filesystem::path& path, std::string_view bytes,
                                  unsigned mode = 0644);

// Shows a folder of the host read-only to a sandbox: files of root are its root's. Rootless no
// kernel lets us renumber the owners of the host's files: they are nobody's inside, who must be
// able to read them as anybody.
[[nodiscard]] Status ShowFolder(const std::filesystem::path& from, const std::filesystem::path& to,
                                IdShift ids);

// Prepares the file systems of a sandbox below paths.base but its workspace: disk, root (overlay of
// the image and a sized layer), data0, data1, ... (read-only overlays of the data folders), the
// root's files. Every lower layer is an idmapped view, so image and data need no chown and no two
// sandboxes share a mount of the same file. Returns how the disk is limited, for the isolation
// record. Blocking.
[[nodiscard]] Result<std::string> MakeFileSystems(const HostPaths& paths, const SandboxSpec& spec,
                                                  IdShift ids, Deadline deadline);

}  // namespace podium::sandbox
