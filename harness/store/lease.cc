#include "harness/store/lease.h"

#include <unistd.h>

#include "base/files.h"
#include "base/json.h"
#include "base/process_owner.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

std::int64_t NowMs(const Clock& clock) {
  return std::chrono::duration_cast<Millis>(clock.WallNow().time_since_epoch()).count();
}

// Whether the owner that a lease names still holds it. Out of sight, its heartbeat decides.
bool Holds(const std::string& lease, const Clock& clock) {
  auto owner = ProcessOwner::FromJson(lease);
  auto json = ParseJson(lease, "lease");
  if (!owner || !json) return false;
  OwnerState state = StateOf(*owner);
  if (state == OwnerState::kAlive || state == OwnerState::kDead) return state == OwnerState::kAlive;
  return NowMs(clock) - JsonOr<std::int64_t>(*json, "beat", 0) < kLeaseStale.count();
}

Status Write(const fs::path& path, const Clock& clock) {
  PODIUM_ASSIGN(Json lease, ParseJson(ProcessOwner::Self().ToJson(), "lease"));
  lease["beat"] = NowMs(clock);
  return WriteFileAtomic(path, DumpJson(lease) + "\n");
}

}  // namespace

Result<std::optional<Lease>> Lease::TryTake(const fs::path& trial_dir, const Clock& clock) {
  PODIUM_ASSIGN(auto lock, FileLock::TryTake(trial_dir / "lease.lock"));
  if (!lock) return std::nullopt;
  fs::path path = trial_dir / "lease.json";
  if (auto text = ReadFile(path, 4096); text && Holds(*text, clock)) return std::nullopt;
  PODIUM_TRY(Write(path, clock));
  return Lease(path, clock);
}

Status Lease::Beat() { return Write(path_, *clock_); }

Lease::~Lease() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

std::string LeaseOwner(const fs::path& trial_dir, const Clock& clock) {
  auto text = ReadFile(trial_dir / "lease.json", 4096);
  if (!text || !Holds(*text, clock)) return "";
  auto owner = ProcessOwner::FromJson(*text);
  return owner ? owner->host + ":" + std::to_string(owner->pid) : "";
}

}  // namespace podium::harness
