#include "harness/trial/sandbox_on_demand.h"

#include <optional>
#include <utility>

namespace podium::harness {

using sandbox::ExecResult;
using sandbox::ExecSpec;
using sandbox::JobEnd;
using sandbox::JobLook;
using sandbox::PackedLayer;
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

struct SandboxOnDemand::Held {
  Held(agents::BlockedTime& blocked) : waiting(blocked) {}
  Waiting waiting;
  std::optional<MachineShares::Turn> turn;
};

SandboxOnDemand::SandboxOnDemand(std::function<Task<Made>()> make, std::unique_ptr<Turns> turns)
    : make_(std::move(make)), turns_(std::move(turns)) {}

SandboxOnDemand::~SandboxOnDemand() = default;

Task<std::unique_ptr<SandboxOnDemand::Held>> SandboxOnDemand::TakeTurn() {
  auto held = std::make_unique<Held>(turns_->blocked);
  held->turn.emplace(co_await turns_->shares.Take(turns_->share));
  held->waiting.Enter();
  co_return held;
}

void SandboxOnDemand::FreeTurn() {
  if (for_jobs_ && box_->LiveJobs() == 0) for_jobs_.reset();
}

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
  if (!turns_ || for_jobs_) {
    auto done = co_await box_->Exec(std::move(spec), *until);
    FreeTurn();
    co_return done;
  }
  auto begun = SteadyNow();
  auto held = co_await TakeTurn();
  Deadline moved(until->at() + Since(begun));
  co_return co_await box_->Exec(std::move(spec), moved);
}

Task<Result<int>> SandboxOnDemand::StartJob(ExecSpec spec, Millis most, Deadline deadline) {
  auto until = co_await ReadyFor(deadline);
  if (!until) co_return tl::unexpected(until.error());
  auto begun = SteadyNow();
  if (turns_ && !for_jobs_) for_jobs_ = co_await TakeTurn();
  Deadline moved(until->at() + Since(begun));
  auto job = co_await box_->StartJob(std::move(spec), most, moved);
  FreeTurn();
  co_return job;
}

Task<Result<JobLook>> SandboxOnDemand::LookAtJob(int job, std::uint64_t from, Deadline deadline) {
  if (!box_) co_return co_await Sandbox::LookAtJob(job, from, deadline);
  auto look = co_await box_->LookAtJob(job, from, deadline);
  FreeTurn();
  co_return look;
}

Task<Status> SandboxOnDemand::StopJob(int job, Deadline deadline) {
  if (!box_) co_return Status{};
  auto stopped = co_await box_->StopJob(job, deadline);
  FreeTurn();
  co_return stopped;
}

Task<Status> SandboxOnDemand::WaitForJobs(Deadline deadline) {
  if (!box_) co_return co_await Sandbox::WaitForJobs(deadline);
  auto waited = co_await box_->WaitForJobs(deadline);
  FreeTurn();
  co_return waited;
}

std::vector<JobEnd> SandboxOnDemand::TakeEndedJobs() {
  return box_ ? box_->TakeEndedJobs() : std::vector<JobEnd>();
}

int SandboxOnDemand::LiveJobs() const { return box_ ? box_->LiveJobs() : 0; }

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

Task<Result<PackedLayer>> SandboxOnDemand::PackLayer(Snapshot snapshot, std::filesystem::path tar,
                                                     Deadline deadline) {
  if (!box_) co_return co_await Sandbox::PackLayer(std::move(snapshot), std::move(tar), deadline);
  co_return co_await box_->PackLayer(std::move(snapshot), std::move(tar), deadline);
}

Task<Result<Snapshot>> SandboxOnDemand::AddLayer(Snapshot below, std::filesystem::path tar,
                                                 Deadline deadline) {
  auto until = co_await ReadyFor(deadline);
  if (!until) co_return tl::unexpected(until.error());
  co_return co_await box_->AddLayer(std::move(below), std::move(tar), *until);
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
  auto sealed = co_await box_->Seal(deadline);
  for_jobs_.reset();
  co_return sealed;
}

Task<Status> SandboxOnDemand::Destroy(Deadline deadline) {
  over_ = true;
  if (!box_) co_return Status{};
  for_jobs_.reset();
  co_return co_await box_->Destroy(deadline);
}

}  // namespace podium::harness
