#include "agents/models/host_window.h"

#include <algorithm>

namespace podium::agents {
namespace {

enum Place : std::int64_t { kDoor, kWaiting };
// How long another process has to enter before who was in last enters again.
constexpr Millis kAfterYou{100};

std::int64_t NumberOf(SteadyTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

SteadyTime TimeOf(std::int64_t nanoseconds) {
  return SteadyTime(
      std::chrono::duration_cast<SteadyTime::duration>(std::chrono::nanoseconds(nanoseconds)));
}

}  // namespace

// Two numbers a use: when it was, and its tokens. Uses that have left the window make room.
struct HostWindow::State {
  HostFile file;
  SteadyTime yields_until{};

  [[nodiscard]] std::vector<Use> All() const {
    std::vector<std::int64_t> numbers(static_cast<std::size_t>(file.numbers()));
    file.Read(0, numbers);
    std::vector<Use> out;
    for (std::size_t i = 0; i + 1 < numbers.size(); i += 2)
      out.push_back({TimeOf(numbers[i]), numbers[i + 1]});
    return out;
  }
};

Result<HostWindow> HostWindow::Open(const std::filesystem::path& folder, const std::string& limit) {
  PODIUM_ASSIGN(auto file, HostFile::Open(folder, "limit", limit));
  return HostWindow(std::make_shared<State>(State{std::move(file)}));
}

HostWindow::Door::~Door() {
  if (state_) state_->file.Unlock(kDoor);
}

std::int64_t HostWindow::Door::Leave(Use use, Millis window) {
  std::vector<Use> all = state_->All();
  auto passed = [&](const Use& old) { return old.at + window <= use.at; };
  auto number = std::ranges::find_if(all, passed) - all.begin();
  std::int64_t values[] = {NumberOf(use.at), use.tokens};
  state_->file.Write(2 * number, values);
  if (state_->file.OthersHave(kWaiting)) state_->yields_until = SteadyNow() + kAfterYou;
  state_->file.Unlock(kDoor);
  state_.reset();
  return number;
}

HostWindow::Wait::~Wait() {
  if (seen_) state_->file.Unlock(kWaiting);
}

std::optional<HostWindow::Door> HostWindow::Wait::TryEnter() {
  bool yields = state_->yields_until > SteadyNow() && state_->file.OthersHave(kWaiting);
  if (!yields && state_->file.TryLock(kDoor)) return Door(state_);
  seen_ = seen_ || state_->file.TryLock(kWaiting, true);
  return std::nullopt;
}

std::vector<HostWindow::Use> HostWindow::Uses(Millis window) const {
  std::vector<Use> out = state_->All();
  SteadyTime now = SteadyNow();
  std::erase_if(out, [&](const Use& use) { return use.at + window <= now; });
  std::ranges::sort(out, {}, &Use::at);
  return out;
}

void HostWindow::Settle(std::int64_t number, std::int64_t tokens) {
  std::int64_t values[] = {tokens};
  state_->file.Write(2 * number + 1, values);
}

}  // namespace podium::agents
