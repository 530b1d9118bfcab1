#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "agents/trial_context.h"
#include "base/async/reactor.h"
#include "harness/plan/plan.h"
#include "sandbox/sandbox.h"

namespace podium::harness {

// Where a trial keeps what is graded.
[[nodiscard]] std::filesystem::path SubmissionFile(const std::filesystem::path& trial_dir,
                                                   const tasks::TaskPackage& task);

// Where its agent puts it, in the sandbox.
[[nodiscard]] std::string SubmissionPath(const tasks::TaskPackage& task);

// Nothing that an agent hands over is larger than the disk that it was given.
[[nodiscard]] std::uint64_t SubmissionCap(const TrialPlan& plan);

// Takes out of a sealed sandbox what its agent leaves: the submission, and what was promised to be
// kept of /home/code and /home/logs. What was given outlives it.
class Collector {
 public:
  using CheckShape = std::function<agents::ShapeVerdict(std::string_view bytes)>;  // any thread
  Collector(Reactor& reactor, agents::EventSink& events, const TrialPlan& plan,
            std::filesystem::path trial_dir, CheckShape check_shape)
      : reactor_(reactor),
        events_(events),
        plan_(plan),
        dir_(std::move(trial_dir)),
        check_shape_(std::move(check_shape)) {}

  // Brings the submission to submission/submission.csv, and the folders to code/ and logs/, with an
  // event "taken" for each. A submission that cannot be taken is no error: the hand-over says why.
  [[nodiscard]] Task<Result<records::HandOver>> Collect(sandbox::Sandbox& box,
                                                        const agents::AgentOutcome& outcome);

 private:
  Task<Status> TakeFolder(sandbox::Sandbox& box, std::string name);
  Task<Result<records::HandOver>> TakeSubmission(sandbox::Sandbox& box,
                                                 const agents::AgentOutcome& outcome);
  Task<std::string> NearMiss(sandbox::Sandbox& box);
  Task<Result<records::HandOver>> Judge(sandbox::TakenFile taken);
  [[nodiscard]] Result<bool> FallBack(bool taken) const;

  Reactor& reactor_;
  agents::EventSink& events_;
  const TrialPlan& plan_;
  std::filesystem::path dir_;
  CheckShape check_shape_;
};

}  // namespace podium::harness
