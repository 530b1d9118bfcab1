#include "agents/models/host_lane.h"

#include <algorithm>
#include <thread>

#include "base/deadlines.h"

namespace podium::agents {
namespace {

// The file's numbers: two processes that write one at the same time leave either's, which is as
// good.
enum Number : std::int64_t { kRestsUntil, kPlaces };
constexpr std::int64_t kNobodyResized = 0;
// Behind all places: the lock that each process shares while it is there.
constexpr std::int64_t kPresent = std::int64_t{1} << 32;

SteadyTime TimeOf(std::int64_t nanoseconds) {
  return SteadyTime(
      std::chrono::duration_cast<SteadyTime::duration>(std::chrono::nanoseconds(nanoseconds)));
}

std::int64_t NumberOf(SteadyTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

}  // namespace

struct HostLane::State {
  HostFile file;
  std::set<std::int64_t> own = {};  // places that this process has

  [[nodiscard]] std::int64_t Get(Number number) const {
    std::int64_t out[1];
    file.Read(number, out);
    return out[0];
  }
  void Set(Number number, std::int64_t value) {
    std::int64_t values[] = {value};
    file.Write(number, values);
  }
};

// Whoever comes and finds nobody begins anew: a provider's pause is forgotten with those who were
// told of it.
Result<HostLane> HostLane::Open(const std::filesystem::path& folder, const std::string& provider) {
  PODIUM_ASSIGN(auto file, HostFile::Open(folder, "provider", provider));
  constexpr std::int64_t kNew[] = {0, kNobodyResized};
  if (file.TryLock(kPresent)) file.Write(kRestsUntil, kNew);
  for (Deadline end = Deadline::In(kStepTime); !file.TryLock(kPresent, true);) {
    if (end.expired()) return Fail(ErrorCode::kIo, "another process keeps " + provider);
    std::this_thread::sleep_for(kHostTurnPoll);
  }
  return HostLane(std::make_shared<State>(State{std::move(file)}));
}

HostLane::Place::~Place() {
  if (!state_) return;
  state_->own.erase(number_);
  state_->file.Unlock(number_);
}

std::optional<HostLane::Place> HostLane::TryTake(int most) {
  if (RestsUntil() > SteadyNow()) return std::nullopt;
  std::set<std::int64_t> taken = state_->file.OthersIn(most);
  taken.insert(state_->own.begin(), state_->own.end());
  if (static_cast<int>(taken.size()) >= places(most)) return std::nullopt;
  for (std::int64_t number = 0; number < most; ++number) {
    if (taken.contains(number) || !state_->file.TryLock(number)) continue;
    state_->own.insert(number);
    return Place(state_, number);
  }
  return std::nullopt;
}

SteadyTime HostLane::RestsUntil() const { return TimeOf(state_->Get(kRestsUntil)); }

void HostLane::RestUntil(SteadyTime until) {
  if (until > RestsUntil()) state_->Set(kRestsUntil, NumberOf(until));
}

int HostLane::places(int most) const {
  std::int64_t resized = state_->Get(kPlaces);
  if (resized == kNobodyResized) return most;
  return static_cast<int>(std::clamp<std::int64_t>(resized, 1, most));
}

void HostLane::Resize(int places) { state_->Set(kPlaces, places); }

}  // namespace podium::agents
