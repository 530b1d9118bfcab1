#include "sandbox/images/kept_layer.h"

#include <fcntl.h>

#include <cerrno>

#include "base/archive.h"
#include "base/files.h"
#include "sandbox/images/pack.h"
#include "sandbox/images/unpack.h"

namespace podium::sandbox {

namespace fs = std::filesystem;

Result<PackedLayer> PackTopLayer(const Snapshot::Layer& layer, const fs::path& tar) {
  fs::path fresh = tar.string() + ".new";
  LayerPacking packing{.first_id = layer.first_id, .of_sandbox = true, .coding = TarCoding::kZstd};
  PODIUM_TRY(MakeDirs(tar.parent_path()));
  auto packed = PackLayer(layer.dir, fresh, packing);
  std::error_code ec;
  if (!packed) fs::remove(fresh, ec);
  if (!packed) return tl::unexpected(packed.error());
  PackedLayer out;
  PODIUM_ASSIGN(out.digest, DigestFile(fresh));
  out.bytes = fs::file_size(fresh, ec);
  fs::rename(fresh, tar, ec);
  if (ec) return FailErrno(ErrorCode::kIo, "cannot keep " + tar.string(), ec.value());
  return out;
}

Status UnpackLayer(const fs::path& tar, const fs::path& dir, std::uint32_t first_id) {
  PODIUM_TRY(LoadArchiveApi());
  PODIUM_ASSIGN(auto file, OpenArchive(tar));
  UniqueFd root(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!root) return FailErrno(ErrorCode::kSandbox, "cannot open " + dir.string(), errno);
  auto placed = UnpackTar(std::move(file), std::move(root), UnpackAs::kLayer, UnpackLimits{},
                          ByteProgress{}, first_id);
  if (placed) return {};
  return Fail(placed.error().code,
              tar.string() + " cannot be a workspace again: " + placed.error().message);
}

}  // namespace podium::sandbox
