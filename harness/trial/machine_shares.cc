#include "harness/trial/machine_shares.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <list>
#include <utility>
#include <vector>

#include "base/log.h"

namespace podium::harness {

namespace asio = boost::asio;

namespace {

constexpr double kRounding = 1e-9;  // of sums of fractions of a core
constexpr int kMostPasses = 50;     // by others, of one that waits

}  // namespace

MachineShare ShareOf(const sandbox::Limits& limits, const AgentPlan& agent) {
  return {limits.cpus, limits.memory_bytes, agent.gpus.empty() ? nullptr : &agent.gpus};
}

struct MachineShares::State {
  struct Waiter {
    MachineShare share;
    asio::steady_timer timer;
    int passed = 0;
    bool granted = false;  // its share is set aside
  };

  State(Machine all, std::unique_ptr<HostShares> others) : machine(all), host(std::move(others)) {}

  const Machine machine;
  const std::unique_ptr<HostShares> host;
  std::string blocked;
  bool told = true;  // others know of the last that came back
  double cores_taken = 0;
  std::uint64_t memory_taken = 0;
  std::vector<const sandbox::GpuDevices*> gpus_taken;
  std::list<Waiter*> waiting;  // in the order in which they came
  std::function<void()> on_free;

  [[nodiscard]] bool Fits(const MachineShare& share) const {
    auto shared = [&](const auto* taken) {
      return share.gpus && sandbox::ShareGpu(*taken, *share.gpus);
    };
    return cores_taken + share.cores <= machine.cores + kRounding &&
           memory_taken + share.memory_bytes <= machine.memory_bytes &&
           std::ranges::none_of(gpus_taken, shared);
  }

  void Add(const MachineShare& share) {
    cores_taken += share.cores;
    memory_taken += share.memory_bytes;
    if (share.gpus) gpus_taken.push_back(share.gpus);
  }
  void Subtract(const MachineShare& share) {
    cores_taken -= share.cores;
    memory_taken -= share.memory_bytes;
    auto same = std::ranges::find(gpus_taken, share.gpus);
    if (same != gpus_taken.end()) gpus_taken.erase(same);
  }

  [[nodiscard]] HostShare Taken() const {
    HostShare out{.cores = cores_taken, .memory_bytes = memory_taken, .gpus = {}};
    for (const auto* gpus : gpus_taken)
      out.gpus.insert(out.gpus.end(), gpus->devices.begin(), gpus->devices.end());
    return out;
  }

  // False: there is not enough, here or beside what others hold.
  bool TrySetAside(const MachineShare& share) {
    if (!Fits(share)) return false;
    Add(share);
    if (!host) return true;
    auto held = host->TryHold(Taken(), machine);
    // Where they cannot be asked, this process goes on as if it were alone.
    if (!held) LogWarn("what others hold of this host is not known: " + held.error().message);
    blocked = held ? *held : "";
    if (blocked.empty()) return true;
    Subtract(share);
    return false;
  }

  // Where others cannot be told now, they are at the next Poll.
  void TellHost() {
    if (!host) return;
    auto lowered = host->Lower(Taken());
    told = lowered.has_value();
    if (!lowered) LogWarn(lowered.error().message);
  }

  void GiveBack(const MachineShare& share) {
    Subtract(share);
    TellHost();
    Grant();
    if (on_free) on_free();
  }

  void Grant() {
    for (auto it = waiting.begin(); it != waiting.end();) {
      Waiter& waiter = **it;
      if (!TrySetAside(waiter.share)) {
        if (waiter.passed >= kMostPasses) return;
        ++it;
        continue;
      }
      for (auto before = waiting.begin(); before != it; ++before) ++(*before)->passed;
      waiter.granted = true;
      waiter.timer.cancel();
      it = waiting.erase(it);
    }
  }
};

// One wait. Whatever ends it, the queue forgets it, and a share that it was given but did not take
// goes back.
struct MachineShares::InQueue {
  std::shared_ptr<State> state;
  State::Waiter waiter;
  bool took = false;

  InQueue(std::shared_ptr<State> s, MachineShare share, const asio::any_io_executor& executor)
      : state(std::move(s)), waiter{share, asio::steady_timer(executor)} {}
  InQueue(const InQueue&) = delete;
  InQueue& operator=(const InQueue&) = delete;
  ~InQueue() {
    if (took) return;
    if (waiter.granted)
      state->GiveBack(waiter.share);
    else
      state->waiting.remove(&waiter);
  }
};

MachineShares::MachineShares(Machine machine, std::unique_ptr<HostShares> host)
    : state_(std::make_shared<State>(machine, std::move(host))) {}
MachineShares::~MachineShares() { state_->on_free = nullptr; }

MachineShares::Turn::~Turn() {
  if (state_) state_->GiveBack(share_);
}

bool MachineShares::CanEverFit(const MachineShare& share) const {
  return share.cores <= machine().cores + kRounding && share.memory_bytes <= machine().memory_bytes;
}

const Machine& MachineShares::machine() const { return state_->machine; }

std::optional<MachineShares::Turn> MachineShares::TryTake(const MachineShare& share) {
  std::optional<Turn> out;
  if (!state_->waiting.empty() || !state_->TrySetAside(share)) return out;
  out.emplace(state_, share);
  return out;
}

Task<MachineShares::Turn> MachineShares::Take(MachineShare share) {
  return TakeFrom(state_, share);
}

Task<MachineShares::Turn> MachineShares::TakeFrom(std::shared_ptr<State> shared,
                                                  MachineShare share) {
  auto executor = co_await asio::this_coro::executor;
  InQueue place(std::move(shared), share, executor);
  State& state = *place.state;
  state.waiting.push_back(&place.waiter);
  state.Grant();
  while (!place.waiter.granted) {
    place.waiter.timer.expires_at(Deadline::Never().at());
    boost::system::error_code ec;
    co_await place.waiter.timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none)
      throw boost::system::system_error(asio::error::operation_aborted, "a wait for a core");
  }
  place.took = true;
  Turn turn(place.state, place.waiter.share);
  co_return turn;
}

void MachineShares::Poll() {
  if (!state_->host) return;
  if (!state_->told) state_->TellHost();
  state_->Grant();
  if (state_->on_free) state_->on_free();
}

const std::string& MachineShares::blocked() const { return state_->blocked; }

void MachineShares::OnFree(std::function<void()> call) { state_->on_free = std::move(call); }

}  // namespace podium::harness
