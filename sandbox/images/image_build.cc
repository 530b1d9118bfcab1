#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>

#include "base/deadlines.h"
#include "base/digest.h"
#include "base/files.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/process.h"
#include "base/text.h"
#include "base/yaml.h"
#include "sandbox/host/rootless.h"
#include "sandbox/images/apt_sources.h"
#include "sandbox/images/image.h"
#include "sandbox/images/intact.h"
#include "sandbox/images/store.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

// `to`: a folder; without root, an archive, as owners can then be given to files of it alone.
ProcessSpec BootstrapCommand(const Recipe& r, const fs::path& to,
                             const std::vector<std::string>& sources) {
  ProcessSpec spec;
  spec.argv = {"mmdebstrap", ::geteuid() == 0 ? "--mode=root" : "--mode=unshare",
               "--variant=essential", "--aptopt=APT::Install-Recommends \"false\""};
  for (const auto& e : r.exclude) spec.argv.push_back("--dpkgopt=path-exclude=" + e);
  spec.argv.push_back("--include=" + Join(r.packages, ","));
  spec.argv.push_back(r.suite);
  spec.argv.push_back(to.string());
  spec.argv.insert(spec.argv.end(), sources.begin(), sources.end());
  return spec;
}

Result<std::vector<std::string>> InstalledPackages(const fs::path& rootfs) {
  PODIUM_ASSIGN(auto status, ReadFile(rootfs / "var" / "lib" / "dpkg" / "status", 64 << 20));
  std::vector<std::string> out;
  std::string name;
  for (auto line : Split(status, '\n')) {
    if (line.starts_with("Package: ")) name = line.substr(9);
    if (line.starts_with("Version: ")) out.push_back(name + " " + std::string(line.substr(9)));
  }
  std::ranges::sort(out);
  return out;
}

// What differs from build to build and matters to nobody: logs, caches, machine ids, compiled
// Python of the build.
Status Normalise(const Recipe& r, const fs::path& rootfs) {
  for (const auto& path : r.remove) {
    if (path.starts_with('/') || path.find("..") != std::string::npos)
      return Fail(ErrorCode::kConfig, "'remove' takes paths inside the image, not '" + path + "'");
    PODIUM_TRY(RemoveTree(rootfs / path));
  }
  for (const char* file : {"var/cache/ldconfig/aux-cache", "var/lib/dpkg/status-old",
                           "etc/machine-id", "etc/resolv.conf", "etc/hostname"}) {
    ::unlink((rootfs / file).c_str());
  }
  PODIUM_TRY(RemoveTree(rootfs / "dev"));  // a container gets its own
  for (const char* dir : {"dev", "var/log", "home"}) PODIUM_TRY(MakeDirs(rootfs / dir));
  // A user with the agent's id, so that programs that ask who they are get an answer.
  PODIUM_ASSIGN(auto passwd, ReadFile(rootfs / "etc" / "passwd", 1 << 20));
  PODIUM_ASSIGN(auto group, ReadFile(rootfs / "etc" / "group", 1 << 20));
  PODIUM_TRY(WriteFileAtomic(rootfs / "etc" / "passwd",
                             passwd + "agent:x:1000:1000:agent:/home/agent:/bin/bash\n"));
  PODIUM_TRY(WriteFileAtomic(rootfs / "etc" / "group", group + "agent:x:1000:\n"));
  PODIUM_TRY(
      WriteFileAtomic(rootfs / "etc" / "hosts", "127.0.0.1 localhost podium\n::1 localhost\n"));
  return WriteFileAtomic(rootfs / ".podium-init", "");
}

// Python's compiled files carry times of the build; the digest is of what the packages brought.
Status RemoveCompiled(const fs::path& rootfs) {
  std::vector<fs::path> found;
  std::error_code ec;
  for (auto it = fs::recursive_directory_iterator(rootfs / "usr" / "lib" / "python3", ec);
       !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    if (it->is_directory() && it->path().filename() == "__pycache__") {
      found.push_back(it->path());
      it.disable_recursion_pending();
    }
  }
  for (const auto& dir : found) PODIUM_TRY(RemoveTree(dir));
  return {};
}

Status WriteImageJson(const Image& image, const fs::path& dir) {
  Json json = {{"schema", "podium-image/1"}, {"name", image.name},
               {"digest", image.digest},     {"recipe", image.recipe_digest},
               {"created", image.created},   {"bytes", image.bytes},
               {"packages", image.packages}};
  return WriteFileAtomic(dir / "image.json", DumpJson(json, 1) + "\n");
}

fs::path ImageDir(const fs::path& cache, const std::string& name, const Recipe& r) {
  return cache / "images" / (name + "-" + r.digest.substr(0, 12));
}

// Files of apt's sources for the recipe's release: the host's own, or, of another one, made of them
// in `folder`.
Result<std::vector<std::string>> SourceFiles(const Recipe& r, const fs::path& folder) {
  if (ReleaseIn(ReadFile("/etc/os-release", 1 << 20).value_or("")) == r.suite) {
    auto own = AptSources();
    if (!own.empty()) return own;
  }
  PODIUM_ASSIGN(auto sources, AptSourcesFor(r.suite));
  std::vector<std::string> out;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    out.push_back((folder / (std::to_string(i) + sources[i].extension)).string());
    PODIUM_TRY(WriteFileAtomic(out.back(), sources[i].text));
  }
  return out;
}

// Runs mmdebstrap on a thread, so that progress can be said while it works.
Status Bootstrap(const Recipe& r, const fs::path& to, const SayProgress& progress,
                 Deadline deadline) {
  PODIUM_ASSIGN(auto folder, TempDir::Make("podium-apt"));
  PODIUM_ASSIGN(auto sources, SourceFiles(r, folder.path()));
  Result<std::string> result = Fail(ErrorCode::kInternal, "not run");
  std::atomic<bool> done{false};
  std::thread worker([&] {
    result = RunTool(BootstrapCommand(r, to, sources), deadline);
    done = true;
  });
  auto started = SteadyNow();
  for (int tick = 1; !done; ++tick) {
    std::this_thread::sleep_for(kBuildPoll);
    if (tick % (kBuildSayStep / kBuildPoll) == 0)
      progress("mmdebstrap at work for " + FormatDuration(Since(started)));
  }
  worker.join();
  if (!result) return tl::unexpected(result.error());
  return {};
}

constexpr const char* kArchive = "rootfs.tar";

// An ordinary user's half that must stay outside: mmdebstrap makes user namespaces of its own. The
// program then starts anew inside, where it finds the archive.
Error BuildOutside(const Recipe& r, const fs::path& temp, const SayProgress& progress,
                   Deadline deadline) {
  auto done = [&]() -> Status {
    PODIUM_TRY(TryRootless());
    PODIUM_TRY(RemoveTree(temp));
    PODIUM_TRY(MakeDirs(temp));
    // Setuid files inside will be the user's own, and must not be other users' way to it.
    if (::chmod(temp.c_str(), 0700) != 0)
      return FailErrno(ErrorCode::kIo, "cannot close " + temp.string(), errno);
    PODIUM_TRY(Bootstrap(r, temp / kArchive, progress, deadline));
    return EnterRootless();
  }();
  return done.error();
}

Status Unpack(const fs::path& temp, Deadline deadline) {
  PODIUM_TRY(RemoveTree(temp / "rootfs"));
  PODIUM_TRY(MakeDirs(temp / "rootfs"));
  ProcessSpec tar;
  tar.argv = {"tar", "--extract", "--numeric-owner", "--same-owner", "--preserve-permissions"};
  tar.argv.insert(tar.argv.end(), {"--exclude=./dev/*", "--directory", (temp / "rootfs").string(),
                                   "--file", (temp / kArchive).string()});
  auto unpacked = RunTool(tar, deadline);
  if (!unpacked) return tl::unexpected(unpacked.error());
  ::unlink((temp / kArchive).c_str());
  return {};
}

}  // namespace

Result<Recipe> ReadRecipe(const std::string& name) {
  fs::path path = ShareDir() / "configs" / "sandboxes" / (name + ".yaml");
  std::error_code ec;
  if (!IsIdText(name) || !fs::exists(path, ec))
    return Fail(ErrorCode::kNotFound,
                "there is no image recipe '" + name + "' (configs/sandboxes/" + name + ".yaml)");
  PODIUM_ASSIGN(auto root, ReadYaml(path));
  PODIUM_ASSIGN(auto map, YamlMap::From(root));
  Recipe r;
  PODIUM_ASSIGN(auto schema, map.String("schema"));
  if (schema != "podium-image/1") return root.Complain("schema must be podium-image/1");
  PODIUM_ASSIGN(r.suite, map.String("suite"));
  PODIUM_ASSIGN(const YamlNode* packages, map.Require("packages"));
  PODIUM_ASSIGN(r.packages, packages->AsStrings());
  if (const YamlNode* node = map.Get("exclude")) {
    PODIUM_ASSIGN(r.exclude, node->AsStrings());
  }
  if (const YamlNode* node = map.Get("remove")) {
    PODIUM_ASSIGN(r.remove, node->AsStrings());
  }
  PODIUM_TRY(map.Finish());
  for (const auto& p : r.packages) {
    if (!IsIdText(p)) return packages->Complain("'" + p + "' is not a package name");
  }
  PODIUM_ASSIGN(auto text, ReadFile(path));
  r.digest = Digest::Of(text).hex();
  return r;
}

Result<Image> BuildImage(const std::string& name, const fs::path& cache,
                         const SayProgress& progress, Deadline deadline) {
  PODIUM_ASSIGN(auto recipe, ReadRecipe(name));
  fs::path dir = ImageDir(cache, name, recipe);
  if (auto known = ReadBuiltImage(dir)) return known;
  PODIUM_ASSIGN(auto adding, ImageStore(cache).Lock(false));
  PODIUM_ASSIGN(auto lock, FileLock::TryTake(cache / "images" / ("." + name + ".lock")));
  if (!lock) return Fail(ErrorCode::kBusy, "another process is building image '" + name + "' now");
  fs::path temp = cache / "images" / (".building-" + name);
  if (!IsRootless())
    progress("building " + name + " with mmdebstrap (" + std::to_string(recipe.packages.size()) +
             " packages and what they need)");
  if (::geteuid() != 0) return tl::unexpected(BuildOutside(recipe, temp, progress, deadline));
  if (IsRootless()) {
    PODIUM_TRY(Unpack(temp, deadline));
  } else {
    PODIUM_TRY(RemoveTree(temp));
    PODIUM_TRY(MakeDirs(temp));
    PODIUM_TRY(Bootstrap(recipe, temp / "rootfs", progress, deadline));
  }
  PODIUM_TRY(Normalise(recipe, temp / "rootfs"));
  PODIUM_TRY(RemoveCompiled(temp / "rootfs"));
  progress("taking its digest");
  Image image;
  image.name = name;
  image.kind = "recipe";
  image.recipe_digest = recipe.digest;
  PODIUM_ASSIGN(image.packages, InstalledPackages(temp / "rootfs"));
  PODIUM_ASSIGN(auto digest, DigestTree(temp / "rootfs"));
  image.digest = digest.hex();
  image.created = IsoTime(SystemClock().WallNow());
  image.bytes = TreeBytes(temp / "rootfs");
  image.rootfs = dir / "rootfs";
  image.layers = {image.rootfs};
  PODIUM_TRY(WriteImageJson(image, temp));
  if (::rename(temp.c_str(), dir.c_str()) != 0)
    return FailErrno(ErrorCode::kIo, "cannot put the image in place at " + dir.string(), errno);
  PODIUM_TRY(CheckIntact(image));
  return image;
}

}  // namespace podium::sandbox
