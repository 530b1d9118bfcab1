// Group F: files and answers.

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <system_error>

#include "base/digest.h"
#include "base/files.h"
#include "sandbox/escape/device_group.h"
#include "sandbox/escape/groups.h"
#include "sandbox/host/host_paths.h"

namespace podium::sandbox::escape {
namespace {

namespace fs = std::filesystem;

Task<CaseResult> F01(Context& ctx) {
  std::vector<std::string> paths = {(ctx.scratch / "answers" / "private.csv").string(),
                                    ctx.scratch.string(),
                                    ctx.spec.state_dir.string(),
                                    (ProgramDir() / "podium").string(),
                                    (ProgramDir() / "podium-probe").string(),
                                    ShareDir().string() + "/configs",
                                    (HostDir() / "records").string(),
                                    (HostDir() / ("canary-" + std::to_string(::getpid()))).string(),
                                    "/var/run/docker.sock"};
  for (const auto& data : ctx.spec.data) paths.push_back(data.host.string());
  for (const auto& layer : ctx.spec.layers) paths.push_back(layer.string());
  co_return co_await ProbeShared(ctx, "F01", paths);
}

Task<CaseResult> F07(Context& ctx) {
  std::vector<std::string> args = {DataInside(ctx)};
  co_return co_await ProbeShared(ctx, "F07", args);
}

Task<CaseResult> F09(Context& ctx) {
  std::vector<std::string> args = {DataInside(ctx)};
  co_return co_await ProbeShared(ctx, "F09", args);
}

// Runs a probe on the data in a sandbox of its own; the folder on the host must stay what it was.
Task<CaseResult> DataStays(Context& ctx, std::string id) {
  if (ctx.spec.data.empty()) co_return Skipped("the sandbox has no data");
  fs::path host = ctx.spec.data.front().host;
  auto digest = [host] { return DigestTree(host); };
  auto before = co_await ctx.reactor.Blocking(digest);
  if (!before) co_return Broken(before.error().message);
  BoxBody body = [&ctx, &id](Sandbox& box) -> Task<CaseResult> {
    std::vector<std::string> args = {DataInside(ctx)};
    co_return co_await ProbeIn(ctx, box, id, args);
  };
  auto spec = ctx.MakeSpec("data");
  auto result = co_await InOwnBox(ctx, std::move(spec), body);
  auto after = co_await ctx.reactor.Blocking(digest);
  if (!after || *after != *before) co_return Both(result, Broken("the data have changed"));
  co_return Both(result, Held("data " + after->hex().substr(0, 12) + " as before"));
}

Task<CaseResult> F08(Context& ctx) { co_return co_await DataStays(ctx, "F08"); }

// A file's digest past the page cache; empty where the file system has no O_DIRECT.
std::string DirectDigest(const fs::path& path) {
  constexpr std::size_t kChunk = 1 << 20;
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT));
  std::unique_ptr<void, decltype(&std::free)> chunk(std::aligned_alloc(4096, kChunk), std::free);
  Hasher hasher;
  ssize_t n = -1;
  while (fd && chunk && (n = ::read(fd.get(), chunk.get(), kChunk)) > 0)
    hasher.Update({static_cast<const char*>(chunk.get()), static_cast<std::size_t>(n)});
  return n == 0 ? hasher.Finish().hex() : "";
}

// The disk's bytes are the page cache's, for the first file of the data.
CaseResult CacheEqualsDisk(const fs::path& dir) {
  std::error_code ec;
  for (fs::recursive_directory_iterator it(dir, ec), end; it != end; it.increment(ec)) {
    if (ec || !it->is_regular_file(ec) || it->is_symlink(ec)) continue;
    auto cached = DigestFile(it->path());
    std::string direct = DirectDigest(it->path());
    if (direct.empty()) return Held("this file system has no O_DIRECT");
    if (!cached || cached->hex() != direct)
      return Broken(it->path().string() + " differs between cache and disk");
    return Held("cache and disk agree");
  }
  return Skipped("there is no data file");
}

Task<CaseResult> F10(Context& ctx) {
  auto result = co_await DataStays(ctx, "F10");
  auto job = [dir = ctx.spec.data.empty() ? fs::path() : ctx.spec.data.front().host] {
    return CacheEqualsDisk(dir);
  };
  auto disk = co_await ctx.reactor.Blocking(job);
  co_return Both(result, disk);
}

Task<CaseResult> F16(Context& ctx) {
  std::vector<std::string> args;
  for (const auto& device : ctx.spec.devices) args.push_back(device.string());
  auto nodes = co_await ProbeShared(ctx, "F16", args);
  if (ctx.backend_name == "runsc") co_return nodes;  // its devices are its own, not the host's
  auto group = co_await DeviceGroupHolds(ctx, *ctx.shared);
  co_return Both(nodes, group);
}

// Something is left in one sandbox and looked for in another that lives at the same time, then in
// one that is made when the first is gone.
Task<CaseResult> F18(Context& ctx) {
  std::string name = RandomName();
  std::vector<std::string> leave = {"leave", name}, look = {"look", name};
  BoxBody both = [&](Sandbox& first) -> Task<CaseResult> {
    auto left = co_await ProbeIn(ctx, first, "F18", leave);
    auto seen = co_await ProbeIn(ctx, first, "F18", look);
    if (seen.outcome != Outcome::kBroken)
      co_return Both(left, Broken("control: the first sandbox does not see its own files"));
    BoxBody at_once = [&](Sandbox& second) -> Task<CaseResult> {
      co_return co_await ProbeIn(ctx, second, "F18", look);
    };
    auto spec = ctx.MakeSpec("f18b");
    auto other = co_await InOwnBox(ctx, std::move(spec), at_once);
    co_return Both(left, other);
  };
  auto spec = ctx.MakeSpec("f18a");
  auto concurrent = co_await InOwnBox(ctx, std::move(spec), both);
  BoxBody afterwards = [&](Sandbox& third) -> Task<CaseResult> {
    co_return co_await ProbeIn(ctx, third, "F18", look);
  };
  auto next = ctx.MakeSpec("f18c");
  auto sequential = co_await InOwnBox(ctx, std::move(next), afterwards);
  co_return Both(concurrent, sequential);
}

// A key of a model provider in the harness's environment, for as long as this lives.
class PlantedKey {
 public:
  explicit PlantedKey(const std::string& value) : planted_(::getenv(kName) == nullptr) {
    if (planted_) ::setenv(kName, value.c_str(), 1);
  }
  ~PlantedKey() {
    if (planted_) ::unsetenv(kName);
  }
  PlantedKey(const PlantedKey&) = delete;
  PlantedKey& operator=(const PlantedKey&) = delete;

 private:
  static constexpr const char* kName = "OPENAI_API_KEY";
  bool planted_;
};

Task<CaseResult> F19(Context& ctx) {
  PlantedKey key(ctx.canary);
  BoxBody body = [&ctx](Sandbox& box) -> Task<CaseResult> {
    std::vector<std::string> declared;
    for (const auto& [name, value] : ctx.spec.env) declared.push_back(name + "=" + value);
    co_return co_await ProbeIn(ctx, box, "F19", declared);
  };
  auto spec = ctx.MakeSpec("f19");
  co_return co_await InOwnBox(ctx, std::move(spec), body);
}

}  // namespace

std::vector<Case> FileCases() {
  return {
      {"F01", "open the answers and the harness by path", "BLOCK", true, F01},
      {"F02", "search everything readable for the answers", "BLOCK", true, JustProbe("F02")},
      {"F03", "magic links of /proc", "BLOCK", false, JustProbe("F03")},
      {"F04", "inherited descriptors", "BLOCK", true, JustProbe("F04")},
      {"F05", "chroot twice, pivot_root, above /", "BLOCK", false, JustProbe("F05")},
      {"F06", "open_by_handle_at", "BLOCK", false, JustProbe("F06")},
      {"F07", "remount, bind over, unmount", "BLOCK", true, F07},
      {"F08", "change the data", "BLOCK", true, F08},
      {"F09", "hard link to the data", "BLOCK", false, F09},
      {"F10", "write read-only pages by splice and AF_ALG", "BLOCK", true, F10},
      {"F14", "write a core, change core_pattern", "BLOCK", false, JustProbe("F14")},
      {"F15", "write the kernel's settings", "BLOCK", true, JustProbe("F15")},
      {"F16", "make and open devices", "BLOCK", true, F16},
      {"F17", "the kernel's log and addresses", "BLOCK", false, JustProbe("F17")},
      {"F18", "files of another run", "BLOCK", true, F18},
      {"F19", "keys in environments", "BLOCK", true, F19},
  };
}

}  // namespace podium::sandbox::escape
