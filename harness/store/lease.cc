#include "harness/store/lease.h"

#include <unistd.h>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

std::string HostName() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

std::string BootId() {
  auto text = ReadFile("/proc/sys/kernel/random/boot_id", 100);
  return text ? std::string(Trim(*text)) : "";
}

// Field 22 of /proc/PID/stat: start time in clock ticks since boot, which tells a process from a
// later one of the same number.
std::string StartTime(long pid) {
  auto text = ReadFile("/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!text) return "";
  std::size_t close = text->rfind(')');
  if (close == std::string::npos) return "";
  auto fields = Split(std::string_view(*text).substr(close + 2), ' ');
  if (fields.size() < 20 || fields[0] == "Z") return "";
  return std::string(fields[19]);
}

std::int64_t NowMs(const Clock& clock) {
  return std::chrono::duration_cast<Millis>(clock.WallNow().time_since_epoch()).count();
}

bool Alive(const Json& lease, const Clock& clock) {
  if (JsonOr<std::string>(lease, "boot", "") == BootId() &&
      JsonOr<std::string>(lease, "host", "") == HostName()) {
    std::string start = StartTime(JsonOr<long>(lease, "pid", 0));
    return !start.empty() && start == JsonOr<std::string>(lease, "start", "");
  }
  return NowMs(clock) - JsonOr<std::int64_t>(lease, "beat", 0) < kLeaseStale.count();
}

Status Write(const fs::path& path, const Clock& clock) {
  Json lease = {{"host", HostName()},
                {"boot", BootId()},
                {"pid", ::getpid()},
                {"start", StartTime(::getpid())},
                {"beat", NowMs(clock)}};
  return WriteFileAtomic(path, DumpJson(lease) + "\n");
}

}  // namespace

Result<std::optional<Lease>> Lease::TryTake(const fs::path& trial_dir, const Clock& clock) {
  PODIUM_ASSIGN(auto lock, FileLock::TryTake(trial_dir / "lease.lock"));
  if (!lock) return std::nullopt;
  fs::path path = trial_dir / "lease.json";
  if (auto text = ReadFile(path, 4096)) {
    auto lease = ParseJson(*text, path.string());
    if (lease && lease->is_object() && Alive(*lease, clock)) return std::nullopt;
  }
  PODIUM_TRY(Write(path, clock));
  return Lease(path, clock);
}

Status Lease::Beat() { return Write(path_, *clock_); }

Lease::~Lease() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

std::string LeaseOwner(const fs::path& trial_dir, const Clock& clock) {
  auto text = ReadFile(trial_dir / "lease.json", 4096);
  if (!text) return "";
  auto lease = ParseJson(*text, "lease");
  if (!lease || !lease->is_object() || !Alive(*lease, clock)) return "";
  return JsonOr<std::string>(*lease, "host", "?") + ":" +
         std::to_string(JsonOr<long>(*lease, "pid", 0));
}

}  // namespace podium::harness
