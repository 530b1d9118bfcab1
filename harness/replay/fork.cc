#include "harness/replay/fork.h"

#include "base/text.h"
#include "harness/plan/plan_record.h"
#include "harness/plan/usable.h"
#include "harness/replay/prefix.h"

namespace podium::harness {
namespace {

Status CheckStep(const RecordedTrial& parent, int step) {
  auto nodes = parent.view.nodes.size();
  if (nodes == 0)
    return Fail(ErrorCode::kConfig, parent.at.id.str() +
                                        " has no nodes to go on from: the steps of a program are "
                                        "its own. Only searches can be forked.");
  if (step >= 1 && static_cast<std::size_t>(step) <= nodes) return {};
  return Fail(ErrorCode::kUsage, "--at-step is 1 to " + std::to_string(nodes) + ", since " +
                                     parent.at.id.str() + " has " + std::to_string(nodes) +
                                     " nodes; found " + std::to_string(step));
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
