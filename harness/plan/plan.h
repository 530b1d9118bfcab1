#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/proposers/llm/llm_proposer.h"
#include "agents/recorded_run.h"
#include "agents/registry.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/ids.h"
#include "base/result.h"
#include "harness/plan/gateway_plan.h"
#include "harness/plan/settings.h"
#include "sandbox/sandbox.h"
#include "tasks/instruction.h"
#include "tasks/task_package.h"

namespace podium::harness {

// An agent as configured: configs/agents/<id>.yaml, or a scaffold named on the command line.
struct AgentPlan {
  AgentId id;
  const agents::ScaffoldInfo* scaffold = nullptr;
  std::string proposer;  // "portfolio", "llm"; "" where the scaffold takes none
  Settings settings;     // the run's over the agent file's over the defaults
  // By what it differs from the run's other cells: "agent", "search.memory", ... Else empty.
  std::map<std::string, std::string> cell;
  agents::ConfiguredScaffold configured;
  agents::LlmSettings llm;
  agents::ModelConfig model;
  agents::KnowledgePlan knowledge;
  std::map<std::string, agents::ModelConfig> roles;  // models of parts of the work: "review", ...
  GatewayPlan gateway;                               // what it may ask of models
  sandbox::GpuDevices gpus;                          // of each trial's container

  [[nodiscard]] bool needs_sandbox() const { return scaffold->needs_sandbox; }
  // Whether it asks a model by the harness's own client, `model`.
  [[nodiscard]] bool asks_model() const { return proposer == "llm" || scaffold->asks_model; }
  // Whether its programs run between answers of models, each in a turn of its own: it takes nothing
  // of the machine while it waits. Any other has its share as long as it works.
  [[nodiscard]] bool takes_turns() const { return needs_sandbox() && asks_model(); }
  // Whether it keeps each candidate's file outside, and hands over the one that it chooses.
  [[nodiscard]] bool chooses() const { return scaffold->hands_in == agents::HandsIn::kChosen; }
};

// What one trial gets.
struct TrialPlan {
  TrialId id;
  const tasks::TaskPackage* task = nullptr;
  const AgentPlan* agent = nullptr;
  std::optional<tasks::Instruction>
      instruction;  // where the agent is given another than the task's
  Millis wall{0};
  Millis exec{0};
  sandbox::Limits limits;  // of all its sandboxes together
  // Where it is done again from its record (harness/replay).
  std::shared_ptr<const agents::RecordedRun> recorded = nullptr;
};

// Of each of the trial's sandboxes: its part of the trial's.
[[nodiscard]] sandbox::Limits WorkerLimits(const TrialPlan& trial);

// How often infrastructure may fail a trial before that is its end (retries.* of the settings).
struct RetryPolicy {
  int infrastructure = 2;  // failed attempts that are replaced by another
  // Before the first replacement; each further one waits twice as long. None: this process replaces
  // nothing, the next command does.
  std::optional<Millis> pause = {};
};

// What all trials of a run may cost together (run.budget.* of the settings); what is not set is not
// limited.
struct RunCeilings {
  std::optional<agents::Usd> usd;
  std::optional<std::int64_t> tokens;
  std::optional<double> gpu_hours;
  std::optional<Millis> wall;  // since the run's first trial began

  [[nodiscard]] bool any() const { return usd || tokens || gpu_hours || wall; }
};

// Everything `podium run` decides before it does anything.
struct RunPlan {
  std::string name;
  std::filesystem::path dir;  // the run's folder
  Settings settings;
  std::vector<std::unique_ptr<tasks::TaskPackage>> tasks;
  std::vector<std::unique_ptr<AgentPlan>> agents;
  std::vector<TrialPlan> trials;  // seed-major, then in the suite's order, then agents
  int jobs = 1;
  std::string image;
  std::string backend;  // of the sandbox
  bool allow_unenforced = false;
  bool from_folder = false;  // read back from the run's plan.json
  // Whoever works on it stays until every trial has ended, also those that others work on now.
  bool until_all_ended = false;
};

// Turns settings into a plan: loads tasks and agents, checks every value. Errors name file and line
// or the flag.
[[nodiscard]] Result<RunPlan> MakePlan(const Settings& settings);

// Reads what the agent's settings say: its scaffold's options, models and GPUs. To be called once
// id, scaffold, proposer and settings are set.
[[nodiscard]] Status FillAgent(AgentPlan& agent);

// What a trial of the agent on the task gets, by both their settings.
[[nodiscard]] Result<TrialPlan> MakeTrial(const tasks::TaskPackage& task, const AgentPlan& agent,
                                          int seed);

// How many trials at once, by the settings or by what cores and trials allow.
[[nodiscard]] Result<int> JobsOf(const RunPlan& plan);

// How often infrastructure may fail a trial, and how long a process waits before it tries again.
[[nodiscard]] Result<RetryPolicy> RetriesOf(const RunPlan& plan);

[[nodiscard]] Result<RunCeilings> CeilingsOf(const RunPlan& plan);

// How many requests at once each provider gets from all trials together.
[[nodiscard]] Result<int> ModelsAtOnce(const RunPlan& plan);

// The resolved configuration as YAML. With origins, each line ends in a comment that says where its
// value came from; without, the text depends on the values alone (and leaves out `jobs`,
// `llm.at_once` and `retries`, which change no result), so that equal text means the same run.
[[nodiscard]] std::string PlanYaml(const RunPlan& plan, bool with_origins);
// The same of other settings than the plan's own: those that a run has grown to.
[[nodiscard]] std::string PlanYaml(const RunPlan& plan, const Settings& settings,
                                   bool with_origins);

// The ids of configs/agents/*.yaml.
[[nodiscard]] std::vector<std::string> ListAgents();

}  // namespace podium::harness
