#pragma once

#include <string>

#include "agents/proposer.h"
#include "agents/scaffolds/kept_files.h"
#include "agents/scaffolds/step_times.h"
#include "agents/trial_context.h"

namespace podium::agents {

// One worker's place: runs programs in its sandbox, one at a time, and judges them.
class Workbench {
 public:
  // All of them outlive it.
  Workbench(TrialContext& context, sandbox::Sandbox& box, Proposer& proposer,
            const KeptFiles& files, const StepTimes& times, bool hidden_feedback)
      : context_(context),
        box_(box),
        proposer_(proposer),
        files_(files),
        times_(times),
        hidden_feedback_(hidden_feedback) {}

  [[nodiscard]] sandbox::Sandbox& box() { return box_; }

  // Runs the node's program and says in the node how it fared. Its file is outside the sandbox
  // then. An error is the infrastructure's.
  [[nodiscard]] Task<Status> Run(SearchNode& node);
  // Runs the program of a node that was judged already, for what it leaves in the sandbox; how it
  // ended now is in the node.
  [[nodiscard]] Task<Status> RunAgain(SearchNode& node);

 private:
  Task<Result<std::string>> PutProgram(const SearchNode& node);
  Task<Status> Clear(SearchNode& node);
  Task<Result<sandbox::ExecResult>> Execute(SearchNode& node, Deadline until);
  Task<Status> Judge(SearchNode& node, const sandbox::ExecResult& result);
  Task<Status> CheckShape(SearchNode& node);
  Task<Status> CheckLeak(SearchNode& node);
  Task<Status> FindPlace(SearchNode& node);
  Task<Status> FindScore(SearchNode& node, const std::string& printed);
  Task<Status> GradeHidden(SearchNode& node, const std::string& printed);

  TrialContext& context_;
  sandbox::Sandbox& box_;
  Proposer& proposer_;
  const KeptFiles& files_;
  const StepTimes& times_;
  bool hidden_feedback_;
};

// What an earlier program did to the sandbox is the search's own affair, and said in the node;
// anything else is the host's.
[[nodiscard]] Status AgentsOr(SearchNode& node, const Error& error);

// Whether nothing runs any more in the sandbox that the node ran in.
[[nodiscard]] bool IsSandboxLost(const SearchNode& node);

}  // namespace podium::agents
