#pragma once

#include <string>
#include <vector>

#include "agents/models/wire/conversation.h"
#include "agents/scaffolds/valid_snapshots.h"
#include "agents/trial_context.h"
#include "base/clock.h"

namespace podium::agents {

// What a tool did.
struct ToolOutcome {
  std::string text;     // what the model is shown
  bool failed = false;  // as the model is told
  std::string end;      // sandbox::ExecEndText, "" where nothing ran
  int exit_code = 0;
  Millis wall{0};
  bool submitted = false;  // the model has done
  bool lost = false;       // nothing runs in the sandbox any more
};

struct ToolLimits {
  Millis action{0};                // of one command
  std::size_t observation = 5000;  // bytes that the model is shown of one
  bool validate = true;            // the tool is there
};

// The tools of a model that works in a sandbox: bash, python, view, edit, validate, submit. What a
// model gets wrong (a tool that does not exist, arguments that are no JSON) is an outcome that says
// so. Each works as the agent's user, inside.
class Toolbox {
 public:
  // All of it outlives it.
  Toolbox(TrialContext& context, ToolLimits limits)
      : context_(context), limits_(limits), snapshots_(context) {}

  [[nodiscard]] std::vector<ToolSpec> Specs() const;

  // An error is the infrastructure's.
  [[nodiscard]] Task<Result<ToolOutcome>> Call(const ToolCall& call, int step, Deadline until);

 private:
  struct Arguments;
  using Outcome = Task<Result<ToolOutcome>>;
  Outcome Bash(Arguments arguments, Deadline until);
  Outcome Python(Arguments arguments, int step, Deadline until);
  Outcome View(Arguments arguments, Deadline until);
  Outcome Edit(Arguments arguments);
  Outcome Replace(std::string path, std::string old_text, std::string new_text);
  Outcome Validate();
  Outcome LookUp(Arguments arguments);
  Outcome Submit();
  Outcome Execute(sandbox::ExecSpec spec, Deadline until);
  Task<Result<ToolOutcome>> Put(std::string path, std::string bytes);
  [[nodiscard]] std::string Shown(const std::string& text) const;

  TrialContext& context_;
  ToolLimits limits_;
  ValidSnapshots snapshots_;
};

}  // namespace podium::agents
