#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/async/reactor.h"
#include "harness/plan/machine.h"
#include "harness/plan/plan.h"
#include "harness/trial/host_shares.h"
#include "sandbox/spec.h"

namespace podium::harness {

// What a trial's programs take of the machine while they run.
struct MachineShare {
  double cores = 0;
  std::uint64_t memory_bytes = 0;
  const sandbox::GpuDevices* gpus = nullptr;  // outlives all who hold it; nullptr: none
};
// The agent outlives it.
[[nodiscard]] MachineShare ShareOf(const sandbox::Limits& limits, const AgentPlan& agent);

// The machine's cores, memory and GPUs, handed to those who run programs: never more at once than
// there is, nor than what other processes of the host leave. On the event loop's thread; turns and
// waits may outlive it.
class MachineShares {
  struct State;
  struct InQueue;

 public:
  // `host`: what others of this host hold; nullptr: nobody else is asked.
  explicit MachineShares(Machine machine, std::unique_ptr<HostShares> host = nullptr);
  ~MachineShares();
  MachineShares(const MachineShares&) = delete;
  MachineShares& operator=(const MachineShares&) = delete;

  // A share, until destruction.
  class Turn {
   public:
    Turn(std::shared_ptr<State> state, MachineShare share)
        : state_(std::move(state)), share_(share) {}
    Turn(Turn&&) noexcept = default;
    Turn& operator=(Turn&&) = delete;
    ~Turn();

   private:
    std::shared_ptr<State> state_;
    MachineShare share_;
  };

  [[nodiscard]] const Machine& machine() const;
  // Whether the whole machine is enough for it.
  [[nodiscard]] bool CanEverFit(const MachineShare& share) const;

  // At once or not at all; not before those who wait.
  [[nodiscard]] std::optional<Turn> TryTake(const MachineShare& share);

  // Waits until there is enough. In order, but a small share may pass a large one that waits, a few
  // times. A wait that is cancelled throws, as Asio's do, and leaves its turn to the next. It must
  // fit the machine.
  [[nodiscard]] Task<Turn> Take(MachineShare share);

  // Looks whether others have given something back. To be called every second.
  void Poll();
  // Why the last that asked got nothing, where that is others' doing; else "".
  [[nodiscard]] const std::string& blocked() const;

  // Called after something came back that nobody waited for. One at a time.
  void OnFree(std::function<void()> call);

 private:
  static Task<Turn> TakeFrom(std::shared_ptr<State> state, MachineShare share);
  std::shared_ptr<State> state_;
};

}  // namespace podium::harness
