#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agents/event_sink.h"
#include "agents/knowledge/knowledge.h"
#include "agents/operators/operator.h"
#include "agents/recorded_run.h"
#include "base/async/reactor.h"
#include "base/async/stop_token.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/records/event.h"
#include "base/result.h"
#include "sandbox/sandbox.h"

namespace podium::agents {

// What an agent may know of a task. Holds no path to answers.
struct TaskBrief {
  std::string id;
  std::string title;
  std::string description;  // Markdown
  std::string metric;
  bool lower_is_better = false;
  std::filesystem::path public_dir;  // on the host, for the data preview
  // The submission's place inside the sandbox.
  std::string submission_path = "/home/submission/submission.csv";
};

// How a submission fares on rows of the training data whose labels no program was given.
struct HiddenScores {
  std::string fault, detail;  // why it cannot be graded, as SearchNode's; "": it can
  Digest submission;          // of what is left of the file: the rows of the test
  double search = 0;          // on the rows that the search goes by
  double choice = 0;          // on those that make the final choice
};

struct DataPreview;  // operators/preview.h

struct ShapeVerdict {
  bool valid = false;
  std::string reason;   // a fixed code
  std::string message;  // for a person
};

// The shape of a file that was taken out of a sandbox, mapped and not read into memory. Blocks.
[[nodiscard]] Result<ShapeVerdict> CheckFileShape(
    const std::filesystem::path& file, const std::function<ShapeVerdict(std::string_view)>& check);

// Everything one trial hands to its scaffold. All references outlive the scaffold's Run.
struct TrialContext {
  Reactor& reactor;
  sandbox::Sandbox& sandbox;
  EventSink& events;
  TaskBrief task;
  std::uint64_t seed = 0;
  Deadline deadline;     // of the whole trial
  Millis exec_limit{0};  // of one program run
  int max_nodes = 1;
  std::filesystem::path trial_dir;  // code/, snapshots/, llm/ lie below
  std::vector<SearchNode> nodes;    // of an earlier, interrupted attempt, oldest first
  StopToken stop;                   // draining: end after the step in flight
  std::function<ShapeVerdict(std::string_view bytes)> check_shape;
  std::function<void(const SearchNode&)> on_node;        // progress display
  std::function<void(std::string_view)> on_phase;        // "proposing", "running node 3"
  std::vector<std::pair<std::string, std::string>> env;  // tells a program what it is served
  // How long the trial has waited for a provider that did not serve it: no working time. Set by a
  // scaffold that asks models; valid while its Run runs.
  std::function<Millis()> outage = [] { return Millis(0); };
  // The nodes or steps are another trial's: before the work goes on, the workspace becomes what it
  // was, from a layer or by running again what made it.
  bool forked = false;
  std::vector<records::ToolUse> steps = {};  // of a forked trial of a model with tools, in order
  int jobs = 0;                              // that it began in these
  std::vector<records::Layer> layers = {};   // that are kept of nodes and steps that stand
  // Where the trial is done again from its record.
  std::shared_ptr<const RecordedRun> recorded = nullptr;
  std::uint64_t submission_cap_bytes = std::uint64_t{2} << 30;
  std::uint64_t layers_cap_bytes = std::uint64_t{4} << 30;  // of all layers together
  std::uint64_t kept_cap_bytes = submission_cap_bytes;      // of a search's files together
  // Where a scaffold works at several places at once: the others, all as fresh as the first.
  std::vector<sandbox::Sandbox*> more_sandboxes = {};
  // Of task.public_dir, where it was made already: trials of one task share it.
  std::shared_ptr<const DataPreview> preview = nullptr;
  Knowledge knowledge = {};
  Millis wall{0};  // the trial's time, of which earlier attempts may have used a part
  // Takes the hidden rows out of a submission that was taken out and grades them; its test rows
  // stay. Empty: the trial has no hidden rows.
  std::function<Task<Result<HiddenScores>>(std::filesystem::path)> hidden = {};
  // Grades a submission that was taken out and says its place on the leaderboard, "112 of 204".
  // Empty: nobody is told.
  std::function<Task<Result<std::string>>(std::filesystem::path)> place = {};
  std::vector<records::Begun> in_work = {};  // of an earlier attempt: begun and not ended, in order
};

// The context's, else one that is made now.
[[nodiscard]] Task<Result<std::shared_ptr<const DataPreview>>> PreviewOf(
    const TrialContext& context);

// How an agent's work ended. `end` is a stable text: "finished", "node_budget", "time_limit",
// "model_budget", "memory_limit", "pid_limit", "disk_limit", "init_gone", "exit_<n>", "signal_<n>",
// "agent_fault", "paused".
struct AgentOutcome {
  std::string end = "finished";
  std::string detail;
  std::optional<std::filesystem::path>
      submission;  // a file already taken out (search scaffolds); else the final file is taken
  std::string submission_digest;
  std::vector<int> candidates = {};  // nodes to be graded beside it: selection top-k
};

class Scaffold {
 public:
  virtual ~Scaffold() = default;
  // Works until its budget is spent. An error is an infrastructure failure, never the agent's.
  [[nodiscard]] virtual Task<Result<AgentOutcome>> Run(TrialContext& context) = 0;
};

}  // namespace podium::agents
