#pragma once

#include <string>
#include <vector>

#include "agents/react/job_tools.h"
#include "agents/react/tool.h"
#include "agents/scaffolds/valid_snapshots.h"
#include "agents/trial_context.h"

namespace podium::agents {

struct ToolLimits {
  Millis action{0};                // of one command
  std::size_t observation = 5000;  // bytes that the model is shown of one
  bool validate = true;            // the tool is there
  int jobs = 0;                    // in the background that live at once
};

// The tools of a model that works in a sandbox: bash, python, view, edit, validate, submit,
// and those of jobs. What a
// model gets wrong (a tool that does not exist, arguments that are no JSON) is an outcome that says
// so. Each works as the agent's user, inside.
class Toolbox {
 public:
  // All of it outlives it.
  Toolbox(TrialContext& context, ToolLimits limits)
      : context_(context),
        limits_(limits),
        snapshots_(context),
        jobs_(context, {limits.jobs, limits.observation}) {}

  [[nodiscard]] std::vector<ToolSpec> Specs() const;

  // An error is the infrastructure's.
  [[nodiscard]] Task<Result<ToolOutcome>> Call(const ToolCall& call, int step, Deadline until);

  // Whether a call of this tool may change what lies in /home.
  [[nodiscard]] static bool Changes(std::string_view tool);
  [[nodiscard]] JobTools& jobs() { return jobs_; }

 private:
  struct Arguments;
  using Outcome = Task<Result<ToolOutcome>>;
  Outcome Bash(Arguments arguments, int step, Deadline until);
  Outcome Begin(std::string command, Arguments arguments, int step);
  Outcome UseJobs(JobTools::Order order, int step, Deadline until);
  Outcome Python(Arguments arguments, int step, Deadline until);
  Outcome View(Arguments arguments, Deadline until);
  Outcome Edit(Arguments arguments);
  Outcome Replace(std::string path, std::string old_text, std::string new_text);
  Outcome Validate();
  Outcome LookUp(Arguments arguments);
  Outcome Submit();
  Outcome Execute(sandbox::ExecSpec spec, Deadline until);
  Task<Result<ToolOutcome>> Put(std::string path, std::string bytes);
  void AddEnvironment(sandbox::ExecSpec& spec) const;

  TrialContext& context_;
  ToolLimits limits_;
  ValidSnapshots snapshots_;
  JobTools jobs_;
};

}  // namespace podium::agents
