#include "harness/replay/fork.h"

#include "base/text.h"
#include "harness/plan/plan_record.h"
#include "harness/plan/usable.h"
#include "harness/replay/prefix.h"

namespace podium::harness {
namespace {

// How many steps there are before the next answer's first.
std::size_t NextTurn(const std::vector<records::ToolUse>& steps, std::size_t at) {
  while (at < steps.size() && steps[at].from.record == steps[at - 1].from.record) ++at;
  return at;
}

Status CheckRange(const RecordedTrial& parent, int step, std::size_t count, const char* what) {
  if (step >= 1 && static_cast<std::size_t>(step) <= count) return {};
  return Fail(ErrorCode::kUsage, "--at-step is 1 to " + std::to_string(count) + ", since " +
                                     parent.at.id.str() + " has " + std::to_string(count) + " " +
                                     what + "; found " + std::to_string(step));
}

// An answer's calls stay together, and what its jobs left in the middle of their work is nowhere.
Status CheckToolStep(const RecordedTrial& parent, const std::vector<records::ToolUse>& steps,
                     int step) {
  PODIUM_TRY(CheckRange(parent, step, steps.size(), "steps"));
  auto at = static_cast<std::size_t>(step);
  for (std::size_t i = 0; i < at; ++i) {
    if (steps[i].from.record.empty())
      return Fail(ErrorCode::kConfig, "the journal of " + parent.at.id.str() +
                                          " does not say which answers its steps follow from: it "
                                          "was made by an older Podium, or without a record");
  }
  if (at < steps.size() && steps[at].from.record == steps[at - 1].from.record)
    return Fail(ErrorCode::kUsage, "--at-step " + std::to_string(step) +
                                       " is in the middle of an answer with several calls; the "
                                       "next step that begins one is " +
                                       std::to_string(NextTurn(steps, at)));
  auto layers = LayersFor(parent, step);
  int kept = layers.empty() ? -1 : layers.back().step;
  for (const auto& job : JobsOf(parent.lines)) {
    if (job.step >= step || job.step <= kept) continue;
    return Fail(
        ErrorCode::kConfig,
        "job " + std::to_string(job.job) + " was begun at step " + std::to_string(job.step) +
            ", and no layer of /home is kept from then to step " + std::to_string(step) +
            ": what it left cannot be had again. Fork at a step up to " + std::to_string(job.step) +
            ", or run with keep.layers=all and fork once it has "
            "ended");
  }
  return {};
}

Status CheckStep(const RecordedTrial& parent, int step) {
  if (!parent.view.nodes.empty())
    return CheckRange(parent, step, parent.view.nodes.size(), "nodes");
  auto steps = StepsOf(parent.lines);
  if (!steps.empty()) return CheckToolStep(parent, steps, step);
  return Fail(ErrorCode::kConfig,
              parent.at.id.str() +
                  " has no nodes or steps to go on from: those of a program are "
                  "its own. Only searches and react can be forked.");
}

// The parent's plan with what is asked for, under names that are not the parent's.
records::RunPlan Changed(const RecordedTrial& parent, const ForkOptions& options) {
  records::RunPlan plan = parent.plan;
  records::PlanAgent& agent = plan.agents.front();
  std::string id = options.sets.empty() ? agent.id : agent.id.substr(0, 90) + "-fork";
  plan.name = options.name;
  auto set = [](records::PlanSettings& settings, const std::string& name, std::string value) {
    settings[name] = {std::move(value), "flag", "podium fork"};
  };
  for (auto* settings : {&plan.settings, &agent.settings}) {
    for (const auto& [name, value] : options.sets) set(*settings, name, value);
    set(*settings, "name", options.name);
    set(*settings, "seeds", "1");
    set(*settings, "first_seed", std::to_string(parent.at.id.seed));
    set(*settings, "suite", "");
    const auto& task = plan.tasks.front();
    set(*settings, "tasks", task.folder.empty() ? task.id : task.folder);
  }
  agent.id = id;
  for (auto& trial : plan.trials) trial.agent = id;
  for (auto& cell : plan.cells) cell.agent = id;
  return plan;
}

std::string SealOf(const RecordedTrial& parent) {
  auto digest = SealedDigest(parent.view.dir / "journal.jsonl");
  return digest ? digest->hex() : "";
}

}  // namespace

Result<RunPlan> MakeFork(const FoundTrial& parent, const ForkOptions& options) {
  if (!IsIdText(options.name))
    return Fail(ErrorCode::kUsage,
                "--name: '" + options.name + "' cannot name a run: use a-z, 0-9, '.', '_' and '-'");
  PODIUM_ASSIGN(auto recorded, ReadRecordedTrial(parent));
  PODIUM_TRY(CheckStep(recorded, options.at_step));
  PODIUM_TRY(CheckRecord(recorded));
  PODIUM_ASSIGN(auto plan, PlanFromRecord(Changed(recorded, options), AgentFiles::kMayDiffer));
  PODIUM_TRY(CheckUsed(plan.agents));
  TrialPlan& trial = plan.trials.front();
  PODIUM_ASSIGN(trial, MakeTrial(*trial.task, *trial.agent, trial.id.seed));
  plan.from_folder = false;
  plan.dir = RunsDir() / options.name;
  records::Forked from{.run = parent.run_dir.filename().string(),
                       .trial = parent.id.str(),
                       .step = options.at_step,
                       .journal = SealOf(recorded)};
  PODIUM_TRY(BeginWithNodesOf(recorded, from, RunFolder{plan.dir}.TrialDir(trial.id)));
  return plan;
}

}  // namespace podium::harness
