#include "sandbox/reaper/reaper.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "sandbox/backends/engine/engine_api.h"
#include "sandbox/backends/factory.h"
#include "sandbox/backends/oci/removal.h"
#include "sandbox/host/host_paths.h"
#include "sandbox/host/removal.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

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

Status Remove(const HostPaths& paths, Deadline deadline) {
  return paths.engine.empty() ? RemoveOciSandbox(paths, deadline)
                              : RemoveEngineSandbox(paths, deadline);
}

}  // namespace

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
    auto gone = Remove(paths, deadline.Earlier(Deadline::In(kReapOneTime)));
    if (!gone) {
      LogWarn("sandbox " + id + " of a dead process is still there: " + gone.error().message);
      continue;
    }
    ++removed;
  }
  return removed;
}

}  // namespace podium::sandbox
