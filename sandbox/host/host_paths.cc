#include "sandbox/host/host_paths.h"

#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "base/process.h"
#include "base/process_owner.h"
#include "base/text.h"
#include "sandbox/backends/engine/engine_api.h"
#include "sandbox/host/cgroup.h"
#include "sandbox/host/rootless.h"
#include "sandbox/sandbox.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

bool HasOption(std::string_view options, std::string_view wanted) {
  for (auto o : Split(options, ',')) {
    if (o == wanted) return true;
  }
  return false;
}

// The sandbox's groups, where it has any.
std::vector<CgroupDir> GroupsOf(const HostPaths& paths) {
  std::vector<CgroupDir> out;
  if (IsRootless()) {
    for (const auto& parent : paths.groups)
      out.push_back({parent.controller, parent.dir / paths.cgroup()});
    return out;
  }
  for (const auto& [options, mount] : CgroupMounts())
    out.push_back({options.empty() ? "" : "freezer", fs::path(mount) / paths.cgroup()});
  return out;
}

// Removes the sandbox's group under every controller; runc has done so in the ordinary case.
Status RemoveCgroups(const HostPaths& paths, Deadline deadline) {
  auto groups = GroupsOf(paths);
  // An owner that died between freezing and thawing left processes that no signal reaches.
  ThawGroups(groups);
  for (const auto& [controller, dir] : groups) {
    std::error_code ec;
    while (fs::exists(dir, ec) && ::rmdir(dir.c_str()) != 0 && errno != ENOENT) {
      if (deadline.expired())
        return Fail(ErrorCode::kTimeout, "cgroup " + dir.string() + " does not empty");
      KillGroups({{"procs", dir}});
      std::this_thread::sleep_for(Millis(5));
    }
  }
  return {};
}

Status Unmount(const fs::path& base) {
  for (const auto& point : MountsUnder(base)) {
    if (::umount2(point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno != EINVAL &&
        errno != ENOENT) {
      return FailErrno(ErrorCode::kSandbox, "cannot unmount " + point, errno);
    }
  }
  return {};
}

// The records are this machine's, so an owner of another boot is dead. One in another pid namespace
// cannot be looked for and counts as alive.
bool OwnerLives(const std::string& record) {
  auto owner = ProcessOwner::FromJson(record);
  if (!owner) return false;
  OwnerState state = StateOf(*owner);
  return state == OwnerState::kAlive || state == OwnerState::kOtherNamespace;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> CgroupMounts() {
  std::vector<std::pair<std::string, std::string>> out;
  auto text = ReadFile("/proc/self/mounts", 16 << 20);
  if (!text) return out;
  for (auto line : Split(*text, '\n')) {
    auto f = Split(line, ' ');
    if (f.size() < 4) continue;
    if (f[2] == "cgroup2") out.emplace_back("", f[1]);
    if (f[2] == "cgroup") out.emplace_back(f[3], f[1]);
  }
  return out;
}

namespace {

std::vector<CgroupDir> RecordedGroups(const Json& record) {
  std::vector<CgroupDir> out;
  auto groups = JsonOr<std::vector<std::pair<std::string, std::string>>>(record, "groups", {});
  for (const auto& [controller, dir] : groups) out.push_back({controller, dir});
  return out;
}

bool IsBackend(const std::string& name) {
  auto names = BackendNames();
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

fs::path MountsDir() { return IsRootless() ? RootlessMounts() : "/var/lib/podium"; }

fs::path HostDir() {
  if (!IsRootless()) return "/var/lib/podium";
  auto variable = [](const char* name) {
    const char* value = ::getenv(name);
    return fs::path(value ? value : "");
  };
  fs::path data = variable("XDG_DATA_HOME");
  if (!data.is_absolute()) data = variable("HOME") / ".local" / "share";
  // A home folder may be shared by machines: ids, owners and control groups are one machine's.
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return data / "podium" / "hosts" / host;
}

fs::path RecordsDir() { return HostDir() / "records"; }

std::string HostPaths::cgroup() const { return IsRootless() ? id : "podium-" + id; }

HostPaths HostPaths::For(const fs::path& state_dir, const std::string& id) {
  fs::path state = fs::absolute(state_dir);
  HostPaths out;
  out.id = id;
  out.base = MountsDir() / "sandboxes" / id;
  out.disk = state / (id + ".ext4");
  out.record = RecordsDir() / (id + ".json");
  return out;
}

bool MayRaiseLimits() {
  constexpr unsigned kSysResource = 24;
  auto status = ReadFile("/proc/self/status", 1 << 16);
  if (!status) return false;
  std::size_t at = status->find("\nCapEff:");
  if (at == std::string::npos) return false;
  return (std::strtoull(status->c_str() + at + 8, nullptr, 16) >> kSysResource & 1) != 0;
}

std::vector<CgroupDir> CgroupsOf(int pid) {
  std::vector<CgroupDir> out;
  auto text = ReadFile("/proc/" + std::to_string(pid) + "/cgroup", 1 << 20);
  if (!text) return out;
  auto mounts = CgroupMounts();
  for (auto line : Split(*text, '\n')) {
    std::size_t first = line.find(':');
    std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    std::string controllers(line.substr(first + 1, second - first - 1));
    std::string path(line.substr(second + 1));
    for (const auto& [options, mount] : mounts) {
      bool v2 = controllers.empty() && options.empty();
      if (v2) out.push_back({"", fs::path(mount + path)});
      for (auto c : Split(controllers, ',')) {
        if (!c.empty() && !options.empty() && HasOption(options, c))
          out.push_back({std::string(c), fs::path(mount + path)});
      }
    }
  }
  return out;
}

std::vector<std::string> MountsUnder(const fs::path& base) {
  std::vector<std::string> out;
  auto text = ReadFile("/proc/self/mounts", 64 << 20);
  if (!text) return out;
  for (auto line : Split(*text, '\n')) {
    auto f = Split(line, ' ');
    if (f.size() > 1 && (f[1] == base.string() || f[1].starts_with(base.string() + "/")))
      out.emplace_back(f[1]);
  }
  std::ranges::reverse(out);
  return out;
}

Status WriteRecord(const HostPaths& paths) {
  PODIUM_ASSIGN(Json record, ParseJson(ProcessOwner::Self().ToJson(), "record"));
  record["schema"] = "podium-sandbox/1";
  record["id"] = paths.id;
  record["disk"] = paths.disk.string();
  record["backend"] = paths.backend;
  record["engine"] = paths.engine;
  for (const auto& parent : paths.groups)
    record["groups"].push_back({parent.controller, parent.dir.string()});
  PODIUM_TRY(MakeDirs(RecordsDir()));
  return WriteFileAtomic(paths.record, DumpJson(record) + "\n");
}

namespace {

// What gVisor's runtime and runc keep of a container in their state folders.
Status RemoveRuntimeState(const HostPaths& paths, Deadline deadline) {
  fs::path root = MountsDir() / paths.backend;
  std::error_code ec;
  if (paths.backend == "runsc") {
    ProcessSpec spec;
    spec.argv = {"runsc", "--root", root.string(), "delete", "--force", paths.id};
    auto result = RunProcess(spec, deadline);
    if (result && !result->ok()) LogDebug("runsc delete " + paths.id + ": " + result->err);
    std::vector<fs::path> left;
    for (fs::directory_iterator it(root, ec), end; !ec && it != end; it.increment(ec)) {
      if (it->path().filename().string().find(paths.id) != std::string::npos)
        left.push_back(it->path());
    }
    for (const auto& path : left) PODIUM_TRY(RemoveTree(path));
    return {};
  }
  return RemoveTree(root / paths.id);
}

}  // namespace

Status RemoveSandbox(const HostPaths& paths, Deadline deadline) {
  if (!paths.engine.empty()) PODIUM_TRY(RemoveEngineContainer(paths, deadline));
  PODIUM_TRY(RemoveCgroups(paths, deadline));
  if (paths.engine.empty() && !paths.backend.empty())
    PODIUM_TRY(RemoveRuntimeState(paths, deadline));
  PODIUM_TRY(Unmount(paths.base));
  PODIUM_TRY(RemoveTree(paths.base));
  ::unlink(paths.disk.c_str());
  ::unlink(paths.record.c_str());
  return {};
}

bool AnySandboxLives() {
  std::error_code ec;
  for (fs::directory_iterator it(RecordsDir(), ec), end; !ec && it != end; it.increment(ec)) {
    auto text = ReadFile(it->path(), 1 << 16);
    if (text && it->path().extension() == ".json" && OwnerLives(*text)) return true;
  }
  return false;
}

Result<int> ReapDead(Deadline deadline) {
  int removed = 0;
  PODIUM_TRY(MakeDirs(RecordsDir()));
  PODIUM_ASSIGN(auto lock, FileLock::TryTake(HostDir() / "reap.lock"));
  if (!lock) return 0;  // somebody else is at it
  std::error_code ec;
  std::vector<fs::path> records;
  for (fs::directory_iterator it(RecordsDir(), ec), end; !ec && it != end; it.increment(ec)) {
    if (it->path().extension() == ".json") records.push_back(it->path());
  }
  for (const auto& path : records) {
    if (deadline.expired()) break;  // the next start goes on
    auto text = ReadFile(path, 1 << 16);
    if (!text) continue;
    auto parsed = ParseJson(*text, path.string());
    if (!parsed) {  // cut by a crash: it must not keep the others, or a new run, waiting
      LogWarn("the record of a sandbox cannot be read and is left: " + parsed.error().message);
      continue;
    }
    const Json& record = *parsed;
    std::string id = JsonOr<std::string>(record, "id", "");
    if (id != path.stem().string() || OwnerLives(*text)) continue;
    fs::path disk = JsonOr<std::string>(record, "disk", "");
    if (disk.filename() != id + ".ext4") continue;
    HostPaths paths = HostPaths::For(disk.parent_path(), id);
    paths.backend = JsonOr<std::string>(record, "backend", "");
    paths.engine = JsonOr<std::string>(record, "engine", "");
    paths.groups = RecordedGroups(record);
    if (!IsBackend(paths.backend)) continue;  // another version's
    // One that does not go away must not keep the others, or a new run, waiting.
    auto gone = RemoveSandbox(paths, deadline.Earlier(Deadline::In(std::chrono::seconds(20))));
    if (!gone) {
      LogWarn("sandbox " + id + " of a dead process is still there: " + gone.error().message);
      continue;
    }
    ++removed;
  }
  return removed;
}

}  // namespace podium::sandbox
