#include "harness/store/lease.h"

#include <unistd.h>

#include <algorithm>
#include <random>

#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/json.h"
#include "base/process_owner.h"
#include "base/text.h"

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

// Like ReadFile, of a file that is no link: a run's folder may have come from elsewhere.
Result<std::string> ReadLease(const fs::path& trial_dir) {
  PODIUM_ASSIGN(auto folder, ForeignFolder::Open(trial_dir));
  return folder.Read("lease.json", 4096);
}

std::string NewToken() {
  std::random_device random;
  return std::to_string(random()) + "-" + std::to_string(random()) + "-" +
         std::to_string(::getpid());
}

Status Write(const fs::path& path, const std::string& token, Worked worked, const Clock& clock) {
  PODIUM_ASSIGN(Json lease, ParseJson(ProcessOwner::Self().ToJson(), "lease"));
  lease["beat"] = NowMs(clock);
  lease["token"] = token;
  lease["attempt"] = worked.attempt;
  lease["worked_ms"] = worked.time.count();
  return WriteFileAtomic(path, DumpJson(lease) + "\n");
}

Worked WorkedIn(const std::string& text) {
  auto json = ParseJson(text, "lease");
  if (!json) return {};
  return {JsonOr(*json, "attempt", 0),
          Millis(std::max<std::int64_t>(0, JsonOr<std::int64_t>(*json, "worked_ms", 0)))};
}

}  // namespace

Lease::Lease(Lease&& other) noexcept
    : dir_(std::exchange(other.dir_, {})),
      token_(std::move(other.token_)),
      clock_(other.clock_),
      taken_over_(other.taken_over_) {}

Result<std::optional<Lease>> Lease::TryTake(const fs::path& trial_dir, const Clock& clock) {
  PODIUM_ASSIGN(auto lock, FileLock::TryTake(trial_dir / "lease.lock"));
  if (!lock) return std::nullopt;
  auto former = ReadLease(trial_dir);
  if (former && Holds(*former, clock)) return std::nullopt;
  std::string token = NewToken();
  Worked worked = former ? WorkedIn(*former) : Worked{};
  PODIUM_TRY(Write(trial_dir / "lease.json", token, worked, clock));
  return Lease(trial_dir, token, clock, former.has_value());
}

Status Lease::CheckHeld() const {
  auto text = ReadLease(dir_);
  auto json = text ? ParseJson(*text, "lease") : tl::unexpected(text.error());
  if (json && JsonOr<std::string>(*json, "token", "") == token_) return {};
  return Fail(ErrorCode::kBusy, "another process has taken over " + dir_.string() +
                                    ": this one had not been heard of for " +
                                    FormatDuration(kLeaseStale) + " and writes nothing more");
}

Status Lease::Beat(Worked worked) {
  PODIUM_ASSIGN(auto lock, FileLock::TryTake(dir_ / "lease.lock"));
  if (!lock) return {};  // somebody looks at it just now: the next beat will do
  PODIUM_TRY(CheckHeld());
  return Write(dir_ / "lease.json", token_, worked, *clock_);
}

Lease::~Lease() {
  if (!dir_.empty() && CheckHeld()) ::unlink((dir_ / "lease.json").c_str());
}

Worked WorkedSoFar(const fs::path& trial_dir) {
  auto text = ReadLease(trial_dir);
  return text ? WorkedIn(*text) : Worked{};
}

std::string LeaseOwner(const fs::path& trial_dir, const Clock& clock) {
  auto text = ReadLease(trial_dir);
  if (!text || !Holds(*text, clock)) return "";
  auto owner = ProcessOwner::FromJson(*text);
  return owner ? owner->host + ":" + std::to_string(owner->pid) : "";
}

}  // namespace podium::harness
