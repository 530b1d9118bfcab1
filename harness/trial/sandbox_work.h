#pragma once

#include <filesystem>
#include <functional>

#include "agents/trial_context.h"
#include "base/async/reactor.h"
#include "base/records/event.h"
#include "harness/plan/plan.h"
#include "harness/store/journal.h"
#include "harness/store/run_folder.h"
#include "harness/trial/sandbox_on_demand.h"
#include "harness/trial/services.h"
#include "harness/trial/trial.h"
#include "sandbox/host/pressure.h"

namespace podium::harness {

// The part of an attempt that needs sandboxes, one for each worker of the agent: makes them, lets
// the scaffold work in them beside its services until an end, seals them and takes out what the
// agent leaves. What was given outlives it.
class SandboxWork {
 public:
  SandboxWork(RunContext& run, const TrialPlan& plan, Journal& journal,
              std::filesystem::path trial_dir, StopToken stop)
      : run_(run),
        plan_(plan),
        journal_(journal),
        dir_(std::move(trial_dir)),
        stop_(std::move(stop)) {}

  // `before`: what earlier attempts left. What the journal is to say next: Paused, or Sealed; an
  // Error is the infrastructure's. Neither has its `worked` set. Its sandbox is gone when it
  // returns.
  using Ended = std::variant<records::Paused, records::Sealed>;
  [[nodiscard]] Task<Result<Ended>> Run(TrialView before);

  // How long the attempt has waited, so far, for a provider that did not serve it.
  [[nodiscard]] Millis outage() const { return context_ ? context_->outage() : outage_; }

 private:
  using Boxes = std::vector<std::unique_ptr<SandboxOnDemand>>;

  [[nodiscard]] sandbox::SandboxSpec MakeSpec(int worker) const;
  [[nodiscard]] agents::TrialContext MakeContext(const Boxes& boxes, TrialView before) const;
  [[nodiscard]] agents::Knowledge Known() const;
  // The task as the agent has it: without the rows that are hidden from it.
  [[nodiscard]] const tasks::PreparedTask& Seen() const;
  [[nodiscard]] agents::ShapeVerdict CheckShape(std::string_view bytes) const;
  Task<Result<agents::HiddenScores>> GradeHidden(std::filesystem::path file) const;
  Task<Result<std::string>> PlaceOf(std::filesystem::path file) const;
  // The score on the held rows; a fault in `out` where there is none.
  Task<Result<double>> GradePart(const tasks::HeldPart& part, std::filesystem::path file,
                                 agents::HiddenScores& out) const;
  // One for each worker of the agent, to be made by MakeSandbox.
  Boxes MakeBoxes(TrialServices& services) const;
  // With the ports of its services open.
  Task<SandboxOnDemand::Made> MakeSandbox(int worker, TrialServices& services) const;
  static Task<Status> DestroyAll(Boxes& boxes);
  // What they have taken of the host; none where none was made.
  [[nodiscard]] std::optional<records::Resources> ResourcesOf(const Boxes& boxes) const;
  Task<Result<Ended>> UseSandboxes(Boxes& boxes, TrialServices& services, TrialView before);
  Task<Result<agents::AgentOutcome>> Agent(agents::Scaffold& scaffold,
                                           agents::TrialContext& context, TrialServices& services);
  // The workspace as the trial ends; what hinders it fails nothing.
  Task<Status> KeepLast(SandboxOnDemand& box);
  Task<Result<records::HandOver>> TakeOver(Boxes& boxes, const agents::AgentOutcome& outcome);

  RunContext& run_;
  const TrialPlan& plan_;
  Journal& journal_;
  std::filesystem::path dir_;
  StopToken stop_;
  sandbox::HostPressure pressure_;                 // when the attempt began
  const agents::TrialContext* context_ = nullptr;  // while the scaffold works
  Millis outage_{0};                               // of this attempt, once the scaffold has ended
};

}  // namespace podium::harness
