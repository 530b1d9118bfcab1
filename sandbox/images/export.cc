#include "sandbox/images/export.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <map>

#include "base/digest.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/images/pack.h"
#include "sandbox/images/store.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

struct Blob {
  std::string digest;  // hex
  std::uint64_t bytes = 0;

  [[nodiscard]] Json Described(const std::string& kind) const {
    return {{"mediaType", "application/vnd.oci.image." + kind},
            {"digest", "sha256:" + digest},
            {"size", bytes}};
  }
  [[nodiscard]] std::string path() const { return "blobs/sha256/" + digest; }
};

// The name that registries have for this machine's processor.
std::string Architecture() {
  utsname name{};
  ::uname(&name);
  std::string machine = name.machine;
  return machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine;
}

// The layout as a folder, which becomes the tar.
class Layout {
 public:
  explicit Layout(fs::path dir) : dir_(std::move(dir)) {}

  Status Begin() {
    PODIUM_TRY(MakeDirs(dir_ / "blobs" / "sha256"));
    return WriteFileAtomic(dir_ / "oci-layout", R"({"imageLayoutVersion": "1.0.0"})");
  }

  Result<Blob> AddFile(const fs::path& file) {
    Blob out;
    PODIUM_ASSIGN(auto digest, DigestFile(file));
    out.digest = digest.hex();
    std::error_code ec;
    out.bytes = fs::file_size(file, ec);
    fs::rename(file, dir_ / out.path(), ec);
    if (ec) return FailErrno(ErrorCode::kIo, "cannot keep " + file.string(), ec.value());
    return out;
  }

  Result<Blob> AddText(const std::string& text) {
    PODIUM_TRY(WriteFileAtomic(dir_ / "text", text));
    return AddFile(dir_ / "text");
  }

  Result<Blob> AddLayer(const fs::path& root) {
    PODIUM_TRY(PackLayer(root, dir_ / "layer.tar", {}));
    return AddFile(dir_ / "layer.tar");
  }

  Status WriteJson(const char* name, const Json& json) {
    return WriteFileAtomic(dir_ / name, DumpJson(json, 1) + "\n");
  }

 private:
  fs::path dir_;
};

Json ConfigOf(const Image& image, const std::vector<Blob>& layers) {
  Json diff_ids = Json::array();
  for (const auto& layer : layers) diff_ids.push_back("sha256:" + layer.digest);
  const ImageConfig& c = image.config;
  Json config = {{"Env", c.env}, {"WorkingDir", c.workdir}, {"User", c.user}};
  if (!c.entrypoint.empty()) config["Entrypoint"] = c.entrypoint;
  if (!c.command.empty()) config["Cmd"] = c.command;
  return {{"architecture", Architecture()},
          {"os", "linux"},
          {"config", config},
          {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}};
}

// Both ways in which an image is named by its archive: OCI's and docker's.
Status WriteIndexes(Layout& layout, const Image& image, const std::vector<Blob>& layers) {
  PODIUM_ASSIGN(auto config, layout.AddText(DumpJson(ConfigOf(image, layers))));
  Json described = Json::array(), paths = Json::array();
  for (const auto& layer : layers) {
    described.push_back(layer.Described("layer.v1.tar"));
    paths.push_back(layer.path());
  }
  Json manifest = {{"schemaVersion", 2},
                   {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                   {"config", config.Described("config.v1+json")},
                   {"layers", described}};
  PODIUM_ASSIGN(auto written, layout.AddText(DumpJson(manifest)));
  Json entry = written.Described("manifest.v1+json");
  std::string tag = image.name + ":latest";
  entry["annotations"] = {{"io.containerd.image.name", tag},
                          {"org.opencontainers.image.ref.name", "latest"}};
  PODIUM_TRY(
      layout.WriteJson("index.json", {{"schemaVersion", 2}, {"manifests", Json::array({entry})}}));
  Json docker = {{"Config", config.path()}, {"RepoTags", Json::array({tag})}, {"Layers", paths}};
  return layout.WriteJson("manifest.json", Json::array({docker}));
}

Status Export(const Image& image, const fs::path& to, const fs::path& dir,
              const SayProgress& progress) {
  Layout layout(dir);
  PODIUM_TRY(layout.Begin());
  std::vector<Blob> layers;
  for (std::size_t i = image.layers.size(); i-- > 0;) {
    if (progress)
      progress("layer " + std::to_string(image.layers.size() - i) + " of " +
               std::to_string(image.layers.size()));
    PODIUM_ASSIGN(auto layer, layout.AddLayer(image.layers[i]));
    layers.push_back(std::move(layer));
  }
  PODIUM_TRY(WriteIndexes(layout, image, layers));
  fs::path part = to.string() + ".part";
  PODIUM_TRY(PackFolder(dir, part, {}));
  if (::rename(part.c_str(), to.c_str()) != 0)
    return FailErrno(ErrorCode::kIo, "cannot write " + to.string(), errno);
  return {};
}

}  // namespace

Status ExportImage(const Image& image, const fs::path& to, const fs::path& cache,
                   const SayProgress& progress) {
  std::error_code ec;
  if (fs::exists(to, ec)) return Fail(ErrorCode::kUsage, to.string() + " is there already");
  ImageStore store(cache);
  PODIUM_ASSIGN(auto lock, store.Lock(false));
  PODIUM_ASSIGN(auto temp, store.MakeTemp());
  auto done = Export(image, to, temp / "layout", progress);
  auto removed = RemoveTree(temp);
  return done ? removed : done;
}

}  // namespace podium::sandbox
