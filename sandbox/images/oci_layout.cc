#include "sandbox/images/oci_layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/images/layer_stream.h"
#include "sandbox/images/placer.h"

namespace podium::sandbox {
namespace {

constexpr std::uint64_t kJsonLimit = 8 << 20;
constexpr std::size_t kLayerLimit = 400;  // overlayfs stacks at most 500

std::string Architecture() {
#if defined(__aarch64__)
  return "arm64";
#else
  return "amd64";
#endif
}

// Links inside the layout are followed (`docker save` shares layers by them); nothing outside is.
Result<UniqueFd> OpenInside(int dir, const std::string& path) {
  UniqueFd fd = OpenBeneath(dir, path, O_RDONLY | O_NONBLOCK, true);
  struct stat st {};
  if (!fd || ::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode))
    return Refuse("missing_blob", path, "is not a file of this image");
  return fd;
}

Result<std::string> ReadSmall(const UniqueFd& fd, const std::string& name) {
  std::string out;
  char block[1 << 16];
  for (;;) {
    ssize_t n = ::pread(fd.get(), block, sizeof block, static_cast<off_t>(out.size()));
    if (n < 0) return FailErrno(ErrorCode::kIo, "cannot read " + Printable(name), errno);
    if (n == 0) return out;
    out.append(block, static_cast<std::size_t>(n));
    if (out.size() > kJsonLimit) return Refuse("bad_json", name, "is larger than 8 MiB");
  }
}

Result<Json> ReadJson(const UniqueFd& fd, const std::string& name) {
  PODIUM_ASSIGN(auto text, ReadSmall(fd, name));
  auto json = ParseJson(text, name);
  if (!json) return Refuse("bad_json", name, "is not JSON: " + Printable(json.error().message));
  return *json;
}

Result<Digest> DigestFd(const UniqueFd& fd, const std::string& name) {
  Hasher hasher;
  std::string block(1 << 18, '\0');
  for (off_t at = 0;;) {
    ssize_t n = ::pread(fd.get(), block.data(), block.size(), at);
    if (n < 0) return FailErrno(ErrorCode::kIo, "cannot read " + Printable(name), errno);
    if (n == 0) return hasher.Finish();
    hasher.Update({block.data(), static_cast<std::size_t>(n)});
    at += n;
  }
}

Result<std::string> HexOf(const std::string& digest, const std::string& what) {
  if (!digest.starts_with("sha256:") || !Digest::Parse(digest.substr(7)))
    return Refuse("bad_digest", what,
                  "has digest '" + Printable(digest.substr(0, 100)) + "': only sha256 is taken");
  return digest.substr(7);
}

// The blob that a descriptor names, its size and digest as promised.
Result<UniqueFd> OpenBlob(int dir, const Json& descriptor) {
  if (!descriptor.is_object()) return Refuse("bad_json", "", "has a descriptor that is no object");
  std::string digest = JsonOr<std::string>(descriptor, "digest", "");
  PODIUM_ASSIGN(auto hex, HexOf(digest, "a blob"));
  std::string path = "blobs/sha256/" + hex;
  PODIUM_ASSIGN(auto fd, OpenInside(dir, path));
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return FailErrno(ErrorCode::kIo, "fstat", errno);
  auto size = JsonOr<std::int64_t>(descriptor, "size", -1);
  if (size != st.st_size)
    return Refuse(
        "blob_size", path,
        "has " + std::to_string(st.st_size) + " bytes instead of " + std::to_string(size));
  PODIUM_ASSIGN(auto found, DigestFd(fd, path));
  if (found.hex() != hex) return Refuse("blob_digest", path, "has digest " + found.hex());
  return fd;
}

std::vector<std::string> Names(const Json& descriptor) {
  std::vector<std::string> out;
  Json notes = JsonOr<Json>(descriptor, "annotations", Json::object());
  for (const char* key : {"org.opencontainers.image.ref.name", "io.containerd.image.name"}) {
    std::string name = JsonOr<std::string>(notes, key, "");
    if (!name.empty()) out.push_back(name);
  }
  return out;
}

bool IsIndex(const Json& descriptor) {
  std::string type = JsonOr<std::string>(descriptor, "mediaType", "");
  return type.find("image.index") != std::string::npos ||
         type.find("manifest.list") != std::string::npos;
}

struct Candidate {
  Json descriptor;
  std::vector<std::string> names;
};

// The manifests for this machine, of an index and the indexes in it.
Status Collect(int dir, const Json& index, const std::vector<std::string>& above, int depth,
               std::vector<Candidate>& out) {
  if (depth > 3) return Refuse("bad_json", "index.json", "has indexes nested too deep");
  for (const auto& descriptor : JsonOr<Json>(index, "manifests", Json::array())) {
    std::vector<std::string> names = Names(descriptor);
    names.insert(names.end(), above.begin(), above.end());
    if (IsIndex(descriptor)) {
      PODIUM_ASSIGN(auto fd, OpenBlob(dir, descriptor));
      PODIUM_ASSIGN(Json inner, ReadJson(fd, "an index"));
      PODIUM_TRY(Collect(dir, inner, names, depth + 1, out));
      continue;
    }
    Json platform = JsonOr<Json>(descriptor, "platform", Json::object());
    if (JsonOr<std::string>(platform, "os", "linux") == "linux" &&
        JsonOr<std::string>(platform, "architecture", Architecture()) == Architecture())
      out.push_back({descriptor, names});
    if (out.size() > 1000) return Refuse("bad_json", "index.json", "names too many images");
  }
  return {};
}

Result<Candidate> Choose(std::vector<Candidate> all, const std::string& ref) {
  if (!ref.empty()) {
    std::erase_if(
        all, [&](const Candidate& c) { return std::ranges::find(c.names, ref) == c.names.end(); });
  }
  std::set<std::string> digests, names;
  for (const auto& c : all) {
    digests.insert(JsonOr<std::string>(c.descriptor, "digest", ""));
    names.insert(c.names.begin(), c.names.end());
  }
  if (digests.size() == 1) return all.front();
  std::string known;
  for (const auto& name : names) known += (known.empty() ? "" : ", ") + Printable(name);
  if (all.empty())
    return Fail(ErrorCode::kNotFound, "the source holds no image for linux/" + Architecture() +
                                          (ref.empty() ? "" : " called '" + ref + "'"));
  return Fail(ErrorCode::kUsage, "the source holds several images: choose one with --ref (" +
                                     (known.empty() ? "they have no names" : known) + ")");
}

std::vector<std::string> Strings(const Json& object, const char* key) {
  return JsonOr<std::vector<std::string>>(object, key, {});
}

// What the configuration says, and the layers' diff_ids.
Result<std::vector<std::string>> ReadConfig(const Json& json, ImageConfig& out) {
  std::string os = JsonOr<std::string>(json, "os", "linux");
  std::string arch = JsonOr<std::string>(json, "architecture", Architecture());
  if (os != "linux" || arch != Architecture())
    return Fail(ErrorCode::kConfig, "the image is for " + Printable(os + "/" + arch) +
                                        ", this machine is linux/" + Architecture());
  Json config = JsonOr<Json>(json, "config", Json::object());
  out = {Strings(config, "Env"), Strings(config, "Entrypoint"), Strings(config, "Cmd"),
         JsonOr<std::string>(config, "WorkingDir", ""), JsonOr<std::string>(config, "User", "")};
  std::vector<std::string> ids;
  for (const auto& id : Strings(JsonOr<Json>(json, "rootfs", Json::object()), "diff_ids")) {
    PODIUM_ASSIGN(auto hex, HexOf(id, "a layer"));
    ids.push_back(hex);
  }
  if (ids.empty()) return Refuse("bad_json", "", "has no layers in its configuration");
  if (ids.size() > kLayerLimit)
    return Refuse("too_many_layers", "", "has " + std::to_string(ids.size()) + " layers");
  return ids;
}

Status CheckCount(std::size_t layers, std::size_t ids) {
  if (layers == ids) return {};
  return Refuse("layer_count", "",
                "has " + std::to_string(layers) + " layers and " + std::to_string(ids) +
                    " in its configuration");
}

}  // namespace

Result<SourceImage> ReadOciLayout(int dir, const std::string& ref) {
  PODIUM_ASSIGN(auto index_file, OpenInside(dir, "index.json"));
  PODIUM_ASSIGN(Json index, ReadJson(index_file, "index.json"));
  std::vector<Candidate> all;
  PODIUM_TRY(Collect(dir, index, {}, 0, all));
  PODIUM_ASSIGN(auto chosen, Choose(std::move(all), ref));
  PODIUM_ASSIGN(auto manifest_file, OpenBlob(dir, chosen.descriptor));
  PODIUM_ASSIGN(Json manifest, ReadJson(manifest_file, "the manifest"));
  // An index that its descriptor gives no media type.
  for (int depth = 0; manifest.contains("manifests") && !manifest.contains("layers"); ++depth) {
    std::vector<Candidate> inner;
    PODIUM_TRY(Collect(dir, manifest, chosen.names, depth, inner));
    PODIUM_ASSIGN(chosen, Choose(std::move(inner), ref));
    PODIUM_ASSIGN(auto inner_file, OpenBlob(dir, chosen.descriptor));
    PODIUM_ASSIGN(manifest, ReadJson(inner_file, "the manifest"));
  }
  PODIUM_ASSIGN(auto config_file, OpenBlob(dir, JsonOr<Json>(manifest, "config", Json())));
  PODIUM_ASSIGN(Json config, ReadJson(config_file, "the configuration"));
  SourceImage out;
  out.ref = chosen.names.empty() ? "" : chosen.names.front();
  PODIUM_ASSIGN(auto ids, ReadConfig(config, out.config));
  Json layers = JsonOr<Json>(manifest, "layers", Json::array());
  PODIUM_TRY(CheckCount(layers.size(), ids.size()));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::string type = JsonOr<std::string>(layers[i], "mediaType", "");
    if (type.find("tar") == std::string::npos || type.find("encrypted") != std::string::npos)
      return Refuse("layer_type", "", "has a layer of type '" + Printable(type) + "'");
    PODIUM_ASSIGN(auto blob, OpenBlob(dir, layers[i]));
    out.layers.push_back({std::move(blob), ids[i]});
  }
  return out;
}

Result<SourceImage> ReadDockerSave(int dir, const std::string& ref) {
  PODIUM_ASSIGN(auto list_file, OpenInside(dir, "manifest.json"));
  PODIUM_ASSIGN(Json list, ReadJson(list_file, "manifest.json"));
  if (!list.is_array()) return Refuse("bad_json", "manifest.json", "is not a list");
  std::vector<Candidate> all;
  for (const auto& image : list) {
    // The configuration's name stands for the image: equal ones are one image under two names.
    Json descriptor = {{"digest", JsonOr<std::string>(image, "Config", "")}, {"image", image}};
    all.push_back({descriptor, Strings(image, "RepoTags")});
  }
  PODIUM_ASSIGN(auto chosen, Choose(std::move(all), ref));
  const Json& image = chosen.descriptor["image"];
  std::string config_path = JsonOr<std::string>(image, "Config", "");
  PODIUM_ASSIGN(auto config_file, OpenInside(dir, config_path));
  std::string stem = config_path.substr(config_path.rfind('/') + 1);
  if (stem.ends_with(".json")) stem.resize(stem.size() - 5);
  if (stem.starts_with("sha256:")) stem.erase(0, 7);  // crane, kaniko
  if (Digest::Parse(stem)) {
    PODIUM_ASSIGN(auto digest, DigestFd(config_file, config_path));
    if (digest.hex() != stem) return Refuse("blob_digest", config_path, "has another digest");
  }
  PODIUM_ASSIGN(Json config, ReadJson(config_file, config_path));
  SourceImage out;
  out.ref = chosen.names.empty() ? "" : chosen.names.front();
  PODIUM_ASSIGN(auto ids, ReadConfig(config, out.config));
  auto layers = Strings(image, "Layers");
  PODIUM_TRY(CheckCount(layers.size(), ids.size()));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    PODIUM_ASSIGN(auto file, OpenInside(dir, layers[i]));
    out.layers.push_back({std::move(file), ids[i]});
  }
  return out;
}

}  // namespace podium::sandbox
