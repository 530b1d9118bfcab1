#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agents/react/tool.h"
#include "agents/trial_context.h"

namespace podium::agents {

struct JobLimits {
  int at_once = 0;                 // that live; 0: there are no jobs
  std::size_t observation = 5000;  // bytes that the model is shown of a job's output
};

// Commands in the background of a model that works with tools: job_output, job_wait, job_stop and
// job_list, and what the journal says of them. Where the trial is done again from its record, a
// tool waits until a job has come as far as it had then, and shows as much.
class JobTools {
 public:
  JobTools(TrialContext& context, JobLimits limits) : context_(context), limits_(limits) {}

  // So many were begun in the trial that this one was forked from; their numbers stay theirs.
  void Skip(int jobs) { skipped_ = jobs; }

  [[nodiscard]] bool there() const { return limits_.at_once > 0; }
  [[nodiscard]] std::vector<ToolSpec> Specs() const;
  [[nodiscard]] bool Has(std::string_view tool) const;

  // An order to one of the tools.
  struct Order {
    std::string tool;
    int job = 0;
    std::optional<Millis> timeout;  // of job_wait
  };
  [[nodiscard]] Task<Result<ToolOutcome>> Call(Order order, int step, Deadline until);

  // `timeout`: shorter than a program's time. The command as the model wrote it.
  [[nodiscard]] Task<Result<ToolOutcome>> Start(sandbox::ExecSpec spec, std::string command,
                                                std::optional<Millis> timeout, int step);

  // Never ends by itself: sees to jobs while the model is waited for. May be cancelled.
  [[nodiscard]] Task<void> Mind();
  // Says in the journal which have ended since; `over`: the trial has, and with it those that live.
  [[nodiscard]] Task<Status> NoteEnds(bool over = false);

 private:
  struct Job {
    std::string command;
    std::uint64_t seen = 0;  // bytes of its output that the model was shown
    std::optional<sandbox::JobEnd> end;
  };
  using Outcome = Task<Result<ToolOutcome>>;

  Outcome Output(int job, const records::JobSeen* recorded);
  Outcome Stop(int job, const records::JobSeen* recorded);
  Outcome List(const std::vector<records::JobSeen>& recorded);
  Task<Status> WaitFor(int job, Deadline until);
  Task<Result<sandbox::JobLook>> Look(int job, const records::JobSeen* recorded);
  [[nodiscard]] ToolOutcome Shown(int job, const sandbox::JobLook& look, bool running);
  [[nodiscard]] int Living() const;
  [[nodiscard]] Millis MostFor(int job, std::optional<Millis> timeout) const;
  void Hear();

  TrialContext& context_;
  JobLimits limits_;
  int skipped_ = 0;  // what a job's number here is more than in the sandbox
  std::map<int, Job> jobs_;
  std::vector<sandbox::JobEnd> unnoted_;
};

}  // namespace podium::agents
