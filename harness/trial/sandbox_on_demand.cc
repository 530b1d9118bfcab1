#include "harness/trial/sandbox_on_demand.h"

#include <optional>
#include <utility>

namespace podium::harness {

using sandbox::ExecResult;
using sandbox::ExecSpec;
using sandbox::Snapshot;
using sandbox::TakenFile;
using sandbox::TakenTree;
using sandbox::TreeCaps;
using sandbox::Usage;

// A wait for a turn, however it ends; then the turn.
class SandboxOnDemand::Waiting {
 public:
  explicit Waiting(agents::BlockedTime& blocked) : blocked_(blocked) { blocked_.Wait(); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    if (inside_)
      blocked_.Leave();
    else
      blocked_.GiveUp();
  }
  void Enter() {
    inside_ = true;
    blocked_.Enter();
  }

 private:
  agents::BlockedTime& blocked_;
  bool inside_ = false;
};

Task<Status> SandboxOnDemand::Ready() {
  if (box_) co_return Status{};
  if (over_) co_return Fail(ErrorCode::kInternal, "a sandbox that was sealed is used");
  std::optional<Waiting> waiting;
  std::optional<MachineShares::Turn> turn;
  if (turns_) {
    waiting.emplace(turns_->blocked);
    turn.emplace(co_await turns_->shares.Take(turns_->share));
  }
  auto made = co_await make_();
  if (!made) co_return tl::unexpected(made.error());
  box_ = std::move(*made);
  co_return Status{};
}

Task<Result<Deadline>> SandboxOnDemand::ReadyFor(Deadline deadline) {
  if (box_) co_return deadline;
  auto begun = SteadyNow();
  auto ready = co_await Ready();
  if (!ready) co_return tl::unexpected(ready.error());
  co_return Deadline(deadline.at() + Since(begun));
}

Task<Result<ExecResult>> SandboxOnDemand::Exec(ExecSpec spec, Deadline deadline) {
  auto until = co_await ReadyFor(deadline);
  if (!until) co_return tl::unexpected(until.error());
  if (!turns_) co_return co_await box_->Exec(std::move(spec), *until);
  auto begun = SteadyNow();
  Waiting waiting(turns_->blocked);
  auto turn = co_await turns_->shares.Take(turns_->share);
  waiting.Enter();
  Deadline moved(until->at() + Since(begun));
  co_return co_await box_->Exec(std::move(spec), moved);
}

Task<Status> SandboxOnDemand::PutFile(std::string inside, std::string bytes, unsigned mode,
                                      Deadline deadline) {
  auto until = co_await ReadyFor(deadline);
  if (!until) co_return tl::unexpected(until.error());
  co_return co_await box_->PutFile(std::move(inside), std::move(bytes), mode, *until);
}

Task<Result<TakenFile>> SandboxOnDemand::TakeFile(std::string inside, std::filesystem::path to,
                                                  std::uint64_t max_bytes, Deadline deadline) {
  if (box_)
    co_return co_await box_->TakeFile(std::move(inside), std::move(to), max_bytes, deadline);
  TakenFile none;
  none.fault = sandbox::TakeFault::kMissing;
  none.detail = "no program ran";
  co_return none;
}

Task<Result<TakenTree>> SandboxOnDemand::TakeTree(std::string inside, std::filesystem::path to,
                                                  TreeCaps caps, Deadline deadline) {
  if (!box_) co_return TakenTree{};
  co_return co_await box_->TakeTree(std::move(inside), std::move(to), caps, deadline);
}

Result<Usage> SandboxOnDemand::ReadUsage() { return box_ ? box_->ReadUsage() : Usage{}; }

Task<Result<Snapshot>> SandboxOnDemand::TakeSnapshot(Deadline deadline) {
  auto until = co_await ReadyFor(deadline);
  if (!until) co_return tl::unexpected(until.error());
  co_return co_await box_->TakeSnapshot(*until);
}

Task<Status> SandboxOnDemand::Restore(Snapshot snapshot, Deadline deadline) {
  auto until = co_await ReadyFor(deadline);
  if (!until) co_return tl::unexpected(until.error());
  co_return co_await box_->Restore(std::move(snapshot), *until);
}

Task<Status> SandboxOnDemand::DropLayers(std::vector<Snapshot::Layer> layers) {
  if (!box_) co_return Status{};
  co_return co_await box_->DropLayers(std::move(layers));
}

Task<Result<UniqueFd>> SandboxOnDemand::Listen(std::uint16_t port, Deadline deadline) {
  auto until = co_await ReadyFor(deadline);
  if (!until) co_return tl::unexpected(until.error());
  co_return co_await box_->Listen(port, *until);
}

const sandbox::IsolationRecord& SandboxOnDemand::isolation() const {
  static const sandbox::IsolationRecord none;
  return box_ ? box_->isolation() : none;
}

Task<Status> SandboxOnDemand::Seal(Deadline deadline) {
  over_ = true;
  if (!box_) co_return Status{};
  co_return co_await box_->Seal(deadline);
}

Task<Status> SandboxOnDemand::Destroy(Deadline deadline) {
  over_ = true;
  if (!box_) co_return Status{};
  co_return co_await box_->Destroy(deadline);
}

}  // namespace podium::harness
