#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agents/models/blocked_time.h"
#include "harness/trial/machine_shares.h"
#include "sandbox/sandbox.h"

namespace podium::harness {

// Where a trial's sandbox gets its share of the machine for each command. All of it outlives the
// sandbox.
struct Turns {
  MachineShares& shares;
  MachineShare share;
  agents::BlockedTime& blocked;  // the time in which the trial waits for it
};

// A sandbox that is made when something is first asked of it, so that a trial that waits for a
// model's first answer has none. With `turns`, a command runs only while the trial has its share of
// the machine, and the time that it waits for that is not the command's; while a job lives the
// trial keeps its share. Without, whoever made it sees to that.
class SandboxOnDemand final : public sandbox::Sandbox {
 public:
  using Made = Result<std::unique_ptr<sandbox::Sandbox>>;
  SandboxOnDemand(std::function<Task<Made>()> make, std::unique_ptr<Turns> turns);
  ~SandboxOnDemand() override;

  // Makes it, unless that is done.
  [[nodiscard]] Task<Status> Ready();
  [[nodiscard]] bool made() const { return box_ != nullptr; }

  [[nodiscard]] Task<Result<sandbox::ExecResult>> Exec(sandbox::ExecSpec spec,
                                                       Deadline deadline) override;
  [[nodiscard]] Task<Result<int>> StartJob(sandbox::ExecSpec spec, Millis most,
                                           Deadline deadline) override;
  [[nodiscard]] Task<Result<sandbox::JobLook>> LookAtJob(int job, std::uint64_t from,
                                                         Deadline deadline) override;
  [[nodiscard]] Task<Status> StopJob(int job, Deadline deadline) override;
  [[nodiscard]] Task<Status> WaitForJobs(Deadline deadline) override;
  [[nodiscard]] std::vector<sandbox::JobEnd> TakeEndedJobs() override;
  [[nodiscard]] int LiveJobs() const override;
  [[nodiscard]] Task<Status> PutFile(std::string inside, std::string bytes, unsigned mode,
                                     Deadline deadline) override;
  // Where it was never made, there is no such file, and nothing in a folder.
  [[nodiscard]] Task<Result<sandbox::TakenFile>> TakeFile(std::string inside,
                                                          std::filesystem::path to,
                                                          std::uint64_t max_bytes,
                                                          Deadline deadline) override;
  [[nodiscard]] Task<Result<sandbox::TakenTree>> TakeTree(std::string inside,
                                                          std::filesystem::path to,
                                                          sandbox::TreeCaps caps,
                                                          Deadline deadline) override;
  [[nodiscard]] Result<sandbox::Usage> ReadUsage() override;
  [[nodiscard]] Task<Result<sandbox::Snapshot>> TakeSnapshot(Deadline deadline) override;
  [[nodiscard]] Task<Status> Restore(sandbox::Snapshot snapshot, Deadline deadline) override;
  [[nodiscard]] Task<Result<sandbox::PackedLayer>> PackLayer(sandbox::Snapshot snapshot,
                                                             std::filesystem::path tar,
                                                             Deadline deadline) override;
  [[nodiscard]] Task<Result<sandbox::Snapshot>> AddLayer(sandbox::Snapshot below,
                                                         std::filesystem::path tar,
                                                         Deadline deadline) override;
  [[nodiscard]] Task<Status> DropLayers(std::vector<sandbox::Snapshot::Layer> layers) override;
  [[nodiscard]] Task<Result<UniqueFd>> Listen(std::uint16_t port, Deadline deadline) override;
  // Empty where it was never made.
  [[nodiscard]] const sandbox::IsolationRecord& isolation() const override;
  [[nodiscard]] Task<Status> Seal(Deadline deadline) override;
  [[nodiscard]] Task<Status> Destroy(Deadline deadline) override;

 private:
  class Waiting;
  struct Held;
  [[nodiscard]] Task<std::unique_ptr<Held>> TakeTurn();
  // Gives the turn back once no job lives.
  void FreeTurn();
  // Made, with `deadline` moved by what that took.
  Task<Result<Deadline>> ReadyFor(Deadline deadline);

  std::function<Task<Made>()> make_;
  std::unique_ptr<Turns> turns_;
  std::unique_ptr<sandbox::Sandbox> box_;
  std::unique_ptr<Held> for_jobs_;
  bool over_ = false;  // sealed: nothing makes it any more
};

}  // namespace podium::harness
