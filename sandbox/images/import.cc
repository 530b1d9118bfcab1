#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <optional>

#include "base/archive.h"
#include "base/deadlines.h"
#include "base/digest.h"
#include "base/files.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/images/image.h"
#include "sandbox/images/intact.h"
#include "sandbox/images/oci_layout.h"
#include "sandbox/images/pack.h"
#include "sandbox/images/rootfs.h"
#include "sandbox/images/store.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

enum class SourceKind { kFolder, kTar, kOciFolder, kOciTar, kDockerFolder, kDockerTar };

const char* KindText(SourceKind kind) {
  switch (kind) {
    case SourceKind::kFolder:
      return "folder";
    case SourceKind::kTar:
      return "tar";
    case SourceKind::kOciFolder:
    case SourceKind::kOciTar:
      return "oci";
    default:
      return "docker-save";
  }
}

const char* KindSentence(SourceKind kind) {
  switch (kind) {
    case SourceKind::kFolder:
      return "a root file system (folder)";
    case SourceKind::kTar:
      return "a root file system (tar)";
    case SourceKind::kOciFolder:
      return "an OCI image layout (folder)";
    case SourceKind::kOciTar:
      return "an OCI image layout (tar)";
    case SourceKind::kDockerFolder:
      return "a docker save archive (unpacked)";
    default:
      return "a docker save archive";
  }
}

// What the names at the top of an archive or a folder say of it. Every writer of images calls
// layers and configurations otherwise (docker, crane, kaniko, jib, bazel), and all have one of
// these files at the top; a root file system has folders that none of them has.
struct Tops {
  bool layout = false, index = false, blobs = false, manifest = false, root = false;

  void See(std::string_view name) {
    while (name.starts_with("./")) name.remove_prefix(2);
    std::string_view top = name.substr(0, name.find('/'));
    bool below = top.size() + 1 < name.size();
    layout = layout || name == "oci-layout";
    index = index || name == "index.json";
    manifest = manifest || name == "manifest.json";
    blobs = blobs || (top == "blobs" && below);
    root = root || std::ranges::find(kRootFolders, top) != std::end(kRootFolders);
  }
  [[nodiscard]] bool oci() const { return !root && (layout || (index && blobs)); }
  [[nodiscard]] bool docker() const { return !root && manifest; }
};

tl::unexpected<Error> NoRoot() {
  return Refuse("no_root", "",
                "is neither a root file system (none of bin, usr, lib, etc ... is at its top) nor "
                "an image: an OCI layout has index.json and blobs/, a docker save archive has "
                "manifest.json at its top");
}

struct ArchiveReader {
  std::unique_ptr<archive, decltype(ArchiveApi::read_free)> a{Archive().read_new(),
                                                              Archive().read_free};
};

// Reads headers until one belongs to no archive of an image.
Result<SourceKind> KindOfArchive(const UniqueFd& file) {
  PODIUM_TRY(LoadArchiveApi());
  ArchiveReader reader;
  archive* a = reader.a.get();
  Archive().read_support_filter_gzip(a);
  Archive().read_support_filter_bzip2(a);
  Archive().read_support_filter_xz(a);
  Archive().read_support_filter_zstd(a);
  Archive().read_support_format_tar(a);
  if (Archive().read_open_fd(a, file.get(), 1 << 16) != ARCHIVE_OK)
    return Fail(ErrorCode::kUsage,
                "the source is no tar file: give a root file system, an OCI image layout or the "
                "output of `docker save`");
  Tops tops;
  archive_entry* entry = nullptr;
  for (int members = 0; members < 100'000 && !tops.root; ++members) {
    int r = Archive().read_next_header(a, &entry);
    if (r == ARCHIVE_EOF) break;
    if (r < ARCHIVE_WARN && members == 0)
      return Fail(ErrorCode::kUsage,
                  "the source is no tar file: give a root file system, an OCI image layout or the "
                  "output of `docker save`");
    const char* name = r < ARCHIVE_WARN ? nullptr : Archive().entry_pathname(entry);
    if (!name) return SourceKind::kTar;  // unpacking says what is wrong with it
    tops.See(name);
  }
  if (tops.oci()) return SourceKind::kOciTar;
  if (tops.docker()) return SourceKind::kDockerTar;
  return SourceKind::kTar;
}

Result<SourceKind> KindOf(const fs::path& source) {
  std::error_code ec;
  if (!fs::exists(source, ec))
    return Fail(ErrorCode::kNotFound, source.string() + " does not exist");
  if (!fs::is_directory(source, ec)) {
    PODIUM_ASSIGN(auto file, OpenArchive(source));
    return KindOfArchive(file);
  }
  Tops tops;
  for (fs::directory_iterator it(source, ec), end; !ec && it != end; it.increment(ec)) {
    std::string name = it->path().filename();
    tops.See(it->is_directory(ec) ? name + "/x" : name);
  }
  if (tops.oci()) return SourceKind::kOciFolder;
  if (tops.docker()) return SourceKind::kDockerFolder;
  return SourceKind::kFolder;
}

Result<std::string> NameFor(const ImportOptions& options) {
  std::string name = options.name;
  if (name.empty()) {
    fs::path path = fs::absolute(options.source).lexically_normal();
    name = path.has_filename() ? path.filename() : path.parent_path().filename();
    for (const char* end : {".gz", ".xz", ".zst", ".bz2", ".tgz", ".oci", ".tar"}) {
      if (name.ends_with(end)) name.resize(name.size() - std::string_view(end).size());
    }
    name = Lower(name);
  }
  if (!IsIdText(name))
    return Fail(ErrorCode::kUsage,
                "'" + Printable(name) +
                    "' cannot name an image: give --name with a-z, 0-9, '.', '_' and '-'");
  std::error_code ec;
  if (fs::exists(ShareDir() / "configs" / "sandboxes" / (name + ".yaml"), ec))
    return Fail(ErrorCode::kUsage,
                "'" + name + "' is the name of a recipe (podium image build): give another --name");
  return name;
}

// Says how far it is, every 2 seconds.
class Meter {
 public:
  explicit Meter(const SayProgress& say) : say_(say) {}
  ByteProgress For(std::string what) {
    return [this, what = std::move(what)](std::uint64_t bytes) {
      auto now = SteadyNow();
      if (!say_ || now - last_ < kProgressStep) return;
      last_ = now;
      say_(what + ": " + FormatBytes(bytes));
    };
  }

 private:
  const SayProgress& say_;
  Deadline::Clock::time_point last_ = SteadyNow();
};

class Importer {
 public:
  Importer(const ImportOptions& options, const ImageStore& store, fs::path temp)
      : options_(options), store_(store), temp_(std::move(temp)), meter_(options.progress) {}

  Result<Imported> Run(const std::string& name) {
    PODIUM_ASSIGN(auto kind, KindOf(options_.source));
    Say(options_.source.string() + " is " + KindSentence(kind));
    PODIUM_ASSIGN(auto source, Open(kind));
    for (std::size_t i = 0; i < source.layers.size(); ++i)
      PODIUM_TRY(Put(source.layers[i], "layer " + std::to_string(i + 1) + " of " +
                                           std::to_string(source.layers.size())));
    PODIUM_TRY(CheckMountPoints(roots_));
    bool as_it_is = kind == SourceKind::kTar || kind == SourceKind::kFolder;
    if (as_it_is && !LooksLikeRoot(roots_)) return NoRoot();
    PODIUM_TRY(PutSetup());
    return Finish(name, KindText(kind), source);
  }

 private:
  void Say(const std::string& text) const {
    if (options_.progress) options_.progress(text);
  }

  Result<SourceImage> Open(SourceKind kind) {
    switch (kind) {
      case SourceKind::kFolder: {
        PODIUM_TRY(PackFolder(options_.source, temp_ / "rootfs.tar", meter_.For("reading")));
        return OneLayer(temp_ / "rootfs.tar");
      }
      case SourceKind::kTar:
        return OneLayer(options_.source);
      default:
        break;
    }
    bool folder = kind == SourceKind::kOciFolder || kind == SourceKind::kDockerFolder;
    fs::path at = folder ? options_.source : temp_ / "source";
    if (!folder) PODIUM_TRY(UnpackSource(at));
    UniqueFd dir(::open(at.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir) return FailErrno(ErrorCode::kIo, "cannot open " + at.string(), errno);
    return kind == SourceKind::kOciFolder || kind == SourceKind::kOciTar
               ? ReadOciLayout(dir.get(), options_.ref)
               : ReadDockerSave(dir.get(), options_.ref);
  }

  Status UnpackSource(const fs::path& at) {
    PODIUM_TRY(MakeDirs(at));
    PODIUM_ASSIGN(auto file, OpenArchive(options_.source));
    UniqueFd dir(::open(at.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir) return FailErrno(ErrorCode::kIo, "cannot open " + at.string(), errno);
    PODIUM_TRY(UnpackTar(std::move(file), std::move(dir), UnpackAs::kPlain, limits_,
                         meter_.For("reading the archive")));
    return {};
  }

  // A tar without a digest of its own: read once for the digest, a second time to unpack.
  Result<SourceImage> OneLayer(const fs::path& tar) {
    PODIUM_ASSIGN(auto end, [&]() -> Result<StreamEnd> {
      PODIUM_ASSIGN(auto file, OpenArchive(tar));
      return DigestUncompressed(std::move(file), limits_, meter_.For("taking the digest"));
    }());
    SourceImage out;
    PODIUM_ASSIGN(auto file, OpenArchive(tar));
    out.layers.push_back({std::move(file), end.digest.hex()});
    return out;
  }

  Status Put(const SourceLayer& source, const std::string& what) {
    PODIUM_ASSIGN(auto layer, store_.PutLayer(source.file, source.diff_id, temp_, limits_,
                                              meter_.For("unpacking " + what)));
    Say(what + " " + source.diff_id.substr(0, 12) +
        (layer.reused ? ": already here"
                      : ": " + FormatBytes(layer.bytes) + ", " + std::to_string(layer.members) +
                            " members"));
    PODIUM_ASSIGN(auto implied, store_.ImpliedFolders(source.diff_id));
    PODIUM_TRY(CheckImplied(implied, roots_));
    // overlayfs takes a folder once. What is above hides all that the same layer below shows.
    auto same = std::ranges::find(layers_, layer.digest, &ImportedLayer::digest);
    if (same != layers_.end()) {
      roots_.erase(roots_.begin() + (same - layers_.begin()));
      layers_.erase(same);
    }
    roots_.insert(roots_.begin(), store_.LayerRoot(layer.digest));
    layers_.insert(layers_.begin(), std::move(layer));
    return {};
  }

  Status PutSetup() {
    fs::path tar = temp_ / "setup.tar";
    PODIUM_ASSIGN(bool needed, WriteSetupLayer(roots_, tar));
    if (!needed) return {};
    PODIUM_ASSIGN(auto setup, OneLayer(tar));
    return Put(setup.layers.front(), "set-up layer");
  }

  Result<Imported> Finish(const std::string& name, const char* kind, const SourceImage& source) {
    Imported out;
    Image& image = out.image;
    image.name = name;
    image.kind = kind;
    image.source = options_.source.string() + (source.ref.empty() ? "" : " " + source.ref);
    image.config = source.config;
    image.created = IsoTime(SystemClock().WallNow());
    for (const auto& layer : layers_) {
      image.layer_digests.push_back(layer.digest);
      image.bytes += layer.bytes;
    }
    Json manifest = {{"schema", "podium-image/2"}, {"layers", image.layer_digests}};
    image.digest = Digest::Of(DumpJson(manifest)).hex();
    image.layers = roots_;
    if (roots_.size() == 1) image.rootfs = roots_.front();
    PODIUM_TRY(store_.WriteName(image));
    PODIUM_TRY(CheckIntact(image));
    out.layers = layers_;
    return out;
  }

  const ImportOptions& options_;
  const ImageStore& store_;
  fs::path temp_;
  Meter meter_;
  UnpackLimits limits_;
  std::vector<ImportedLayer> layers_;  // topmost first, as roots_
  std::vector<fs::path> roots_;
};

}  // namespace

Result<Imported> ImportImage(const ImportOptions& options, const fs::path& cache) {
  if (::geteuid() != 0)
    return Fail(ErrorCode::kUnavailable,
                "importing an image needs root (owners and whiteouts): run as root or with sudo");
  PODIUM_ASSIGN(auto name, NameFor(options));
  ImageStore store(cache);
  PODIUM_ASSIGN(auto lock, store.Lock(false));
  PODIUM_ASSIGN(auto temp, store.MakeTemp());
  auto imported = Importer(options, store, temp).Run(name);
  Status removed = RemoveTree(temp);
  if (imported && !removed) return tl::unexpected(removed.error());
  return imported;
}

}  // namespace podium::sandbox
