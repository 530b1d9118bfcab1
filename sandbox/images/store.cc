#include "sandbox/images/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "base/files.h"
#include "base/ids.h"
#include "base/json.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

Status MakePrivate(const fs::path& dir) {
  PODIUM_TRY(MakeDirs(dir));
  if (::chmod(dir.c_str(), 0700) != 0)
    return FailErrno(ErrorCode::kIo, "cannot close " + dir.string() + " to others", errno);
  return {};
}

Status SyncFileSystem(const fs::path& dir) {
  UniqueFd fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::syncfs(fd.get()) != 0)
    return FailErrno(ErrorCode::kIo, "cannot sync " + dir.string(), errno);
  return {};
}

// A descriptor of the same file with an offset of its own.
Result<UniqueFd> Reopen(const UniqueFd& file) {
  UniqueFd fd(
      ::open(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return FailErrno(ErrorCode::kIo, "cannot open the archive again", errno);
  return fd;
}

Json LayerJson(const std::string& diff_id, const Unpacked& u) {
  Json notes = Json::object();
  for (const auto& [what, count] : u.notes) notes[what] = count;
  return {{"schema", "podium-layer/1"}, {"diff_id", diff_id}, {"bytes", u.bytes},
          {"members", u.members},       {"notes", notes},     {"implied", u.implied}};
}

ImportedLayer FromJson(const Json& json) {
  ImportedLayer out;
  out.digest = JsonOr<std::string>(json, "diff_id", "");
  out.bytes = JsonOr<std::uint64_t>(json, "bytes", 0);
  out.members = JsonOr<std::uint64_t>(json, "members", 0);
  for (const auto& [what, count] : JsonOr<std::map<std::string, std::uint64_t>>(json, "notes", {}))
    out.notes.emplace_back(what, count);
  return out;
}

}  // namespace

Result<UniqueFd> ImageStore::Lock(bool exclusive) const {
  PODIUM_TRY(MakeDirs(root_));
  fs::path path = root_ / ".lock";
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return FailErrno(ErrorCode::kIo, "cannot open " + path.string(), errno);
  if (::flock(fd.get(), (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return FailErrno(ErrorCode::kIo, "flock " + path.string(), errno);
  return Fail(ErrorCode::kBusy, exclusive
                                    ? "an image is being imported or built now: try again after"
                                    : "`podium image gc` is at work: try again in a moment");
}

Result<fs::path> ImageStore::MakeTemp() const {
  static std::atomic<unsigned> counter{0};
  fs::path parent = root_ / ".tmp";
  PODIUM_TRY(MakePrivate(parent));
  for (int tries = 0; tries < 1000; ++tries) {
    fs::path dir = parent / (std::to_string(::getpid()) + "-" + std::to_string(counter++));
    if (::mkdir(dir.c_str(), 0700) == 0) return dir;
    if (errno != EEXIST) return FailErrno(ErrorCode::kIo, "cannot make " + dir.string(), errno);
  }
  return Fail(ErrorCode::kIo,
              "cannot make a folder in " + parent.string() + ": run `podium image gc`");
}

std::optional<ImportedLayer> ImageStore::FindLayer(const std::string& diff_id) const {
  fs::path dir = root_ / "layers" / diff_id;
  auto text = ReadFile(dir / "layer.json", 256 << 20);
  if (!text) return std::nullopt;
  auto json = ParseJson(*text, (dir / "layer.json").string());
  std::error_code ec;
  if (!json || !fs::is_directory(dir / "rootfs", ec)) return std::nullopt;
  ImportedLayer layer = FromJson(*json);
  layer.reused = true;
  return layer.digest == diff_id ? std::optional(layer) : std::nullopt;
}

Result<ImportedLayer> ImageStore::PutLayer(const UniqueFd& archive, const std::string& diff_id,
                                           const fs::path& temp, const UnpackLimits& limits,
                                           const ByteProgress& progress) const {
  if (auto known = FindLayer(diff_id)) return *known;
  fs::path work = temp / diff_id;
  PODIUM_TRY(RemoveTree(work));
  PODIUM_TRY(MakeDirs(work / "rootfs"));
  if (::chmod((work / "rootfs").c_str(), 0755) != 0)
    return FailErrno(ErrorCode::kIo, "chmod " + work.string(), errno);
  UniqueFd root(::open((work / "rootfs").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return FailErrno(ErrorCode::kIo, "cannot open " + work.string(), errno);
  PODIUM_ASSIGN(auto file, Reopen(archive));
  PODIUM_ASSIGN(auto unpacked,
                UnpackTar(std::move(file), std::move(root), UnpackAs::kLayer, limits, progress));
  if (unpacked.digest.hex() != diff_id)
    return Refuse("diff_id", "",
                  "has a layer whose uncompressed bytes have digest " + unpacked.digest.hex() +
                      " instead of " + diff_id);
  Json json = LayerJson(diff_id, unpacked);
  PODIUM_TRY(WriteFileAtomic(work / "layer.json", DumpJson(json, 1) + "\n"));
  PODIUM_TRY(SyncFileSystem(work));
  PODIUM_TRY(MakePrivate(root_ / "layers"));
  fs::path place = root_ / "layers" / diff_id;
  if (::rename(work.c_str(), place.c_str()) != 0) {
    int err = errno;
    if (auto other = FindLayer(diff_id)) return *other;  // another import was first
    return FailErrno(ErrorCode::kIo, "cannot put the layer at " + place.string(), err);
  }
  PODIUM_TRY(SyncFileSystem(root_ / "layers"));
  return FromJson(json);
}

Result<std::vector<std::string>> ImageStore::ImpliedFolders(const std::string& diff_id) const {
  fs::path path = root_ / "layers" / diff_id / "layer.json";
  PODIUM_ASSIGN(auto text, ReadFile(path, 256 << 20));
  PODIUM_ASSIGN(Json json, ParseJson(text, path.string()));
  return JsonOr<std::vector<std::string>>(json, "implied", {});
}

Status ImageStore::WriteName(const Image& image) const {
  const ImageConfig& c = image.config;
  Json json = {{"schema", "podium-image/2"},
               {"name", image.name},
               {"kind", image.kind},
               {"digest", image.digest},
               {"source", image.source},
               {"created", image.created},
               {"bytes", image.bytes},
               {"packages", image.packages},
               {"layers", image.layer_digests},
               {"base", {{"name", image.base}, {"digest", image.base_digest}}},
               {"config",
                {{"env", c.env},
                 {"entrypoint", c.entrypoint},
                 {"command", c.command},
                 {"workdir", c.workdir},
                 {"user", c.user}}}};
  fs::path dir = root_ / "names" / image.name;
  PODIUM_TRY(MakeDirs(dir));
  return WriteFileAtomic(dir / "image.json", DumpJson(json, 1) + "\n");
}

Result<Image> ImageStore::ReadName(const std::string& name) const {
  if (!IsIdText(name)) return Fail(ErrorCode::kNotFound, "there is no image of that name");
  fs::path path = root_ / "names" / name / "image.json";
  PODIUM_ASSIGN(auto text, ReadFile(path, 16 << 20));
  PODIUM_ASSIGN(Json json, ParseJson(text, path.string()));
  Image image;
  image.name = name;
  PODIUM_ASSIGN(image.digest, JsonGet<std::string>(json, "digest"));
  PODIUM_ASSIGN(image.layer_digests, JsonGet<std::vector<std::string>>(json, "layers"));
  image.kind = JsonOr<std::string>(json, "kind", "");
  image.source = JsonOr<std::string>(json, "source", "");
  image.created = JsonOr<std::string>(json, "created", "");
  image.bytes = JsonOr<std::uint64_t>(json, "bytes", 0);
  image.packages = JsonOr<std::vector<std::string>>(json, "packages", {});
  Json base = JsonOr<Json>(json, "base", Json::object());
  image.base = JsonOr<std::string>(base, "name", "");
  image.base_digest = JsonOr<std::string>(base, "digest", "");
  Json config = JsonOr<Json>(json, "config", Json::object());
  image.config = {JsonOr<std::vector<std::string>>(config, "env", {}),
                  JsonOr<std::vector<std::string>>(config, "entrypoint", {}),
                  JsonOr<std::vector<std::string>>(config, "command", {}),
                  JsonOr<std::string>(config, "workdir", ""),
                  JsonOr<std::string>(config, "user", "")};
  for (const auto& diff_id : image.layer_digests) {
    if (!Digest::Parse(diff_id) || !FindLayer(diff_id))
      return Fail(ErrorCode::kNotFound, "image '" + name + "' lacks its layer " +
                                            diff_id.substr(0, 12) + ": import it again");
    image.layers.push_back(LayerRoot(diff_id));
  }
  if (image.layers.size() == 1) image.rootfs = image.layers.front();
  return image;
}

std::vector<std::string> ImageStore::Names() const {
  std::vector<std::string> out;
  std::error_code ec;
  for (fs::directory_iterator it(root_ / "names", ec), end; !ec && it != end; it.increment(ec)) {
    std::error_code missing;
    if (fs::exists(it->path() / "image.json", missing)) out.push_back(it->path().filename());
  }
  std::ranges::sort(out);
  return out;
}

std::uint64_t TreeBytes(const fs::path& dir) {
  std::uint64_t bytes = 0;
  std::error_code ec;
  for (auto it = fs::recursive_directory_iterator(dir, ec);
       !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    if (it->is_regular_file() && !it->is_symlink()) bytes += it->file_size();
  }
  return bytes;
}

Result<Image> ReadBuiltImage(const fs::path& dir) {
  PODIUM_ASSIGN(auto text, ReadFile(dir / "image.json", 16 << 20));
  PODIUM_ASSIGN(Json json, ParseJson(text, (dir / "image.json").string()));
  Image image;
  image.kind = "recipe";
  PODIUM_ASSIGN(image.name, JsonGet<std::string>(json, "name"));
  PODIUM_ASSIGN(image.digest, JsonGet<std::string>(json, "digest"));
  image.recipe_digest = JsonOr<std::string>(json, "recipe", "");
  image.created = JsonOr<std::string>(json, "created", "");
  image.bytes = JsonOr<std::uint64_t>(json, "bytes", 0);
  image.packages = JsonOr<std::vector<std::string>>(json, "packages", {});
  image.rootfs = dir / "rootfs";
  image.layers = {image.rootfs};
  return image;
}

}  // namespace podium::sandbox
