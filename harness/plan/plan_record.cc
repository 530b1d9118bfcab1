#include "harness/plan/plan_record.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/text.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

constexpr std::pair<Layer, const char*> kLayers[] = {{Layer::kAgentFile, "agent_file"},
                                                     {Layer::kRunFile, "run_file"},
                                                     {Layer::kAgentEntry, "agent_entry"},
                                                     {Layer::kEnvironment, "environment"},
                                                     {Layer::kFlag, "flag"}};

Result<Layer> LayerNamed(const std::string& name) {
  for (const auto& [layer, text] : kLayers) {
    if (name == text) return layer;
  }
  return Fail(ErrorCode::kIo, "the plan has a setting of layer '" + Printable(name) +
                                  "': agent_file, run_file, agent_entry, environment or flag");
}

bool IsPath(const std::string& name, const std::string& value) {
  bool has_slash = value.find('/') != std::string::npos;
  return std::ranges::any_of(KnownSettings(), [&](const auto& s) {
    return s.name == name && s.is_path && (has_slash || !s.or_name);
  });
}

records::PlanSettings ToRecord(const Settings& settings) {
  records::PlanSettings out;
  for (const auto& [name, setting] : settings.all()) {
    auto layer = std::ranges::find(kLayers, setting.layer, &std::pair<Layer, const char*>::first);
    if (layer == std::end(kLayers)) continue;
    std::string value = setting.value;
    if (!value.empty() && IsPath(name, value))
      value = fs::absolute(value).lexically_normal().string();
    out[name] = {value, layer->second, setting.origin};
  }
  return out;
}

Result<Settings> SettingsFrom(const records::PlanSettings& record) {
  Settings out;
  for (const auto& [name, setting] : record) {
    PODIUM_ASSIGN(auto layer, LayerNamed(setting.layer));
    PODIUM_TRY(out.Set(name, setting.value, setting.origin, layer));
  }
  return out;
}

records::PlanTask ToRecord(const tasks::TaskPackage& task) {
  auto shipped = tasks::FindTask(task.id.str());
  bool own = !shipped || shipped->digest != task.digest;
  return {task.id.str(), task.digest.hex(),
          own ? fs::absolute(task.dir).lexically_normal().string() : ""};
}

records::PlanCell CellOf(const TrialPlan& t) {
  return {.task = t.id.task.str(),
          .agent = t.id.agent.str(),
          .wall = t.wall,
          .exec = t.exec,
          .cpus = t.limits.cpus,
          .memory_bytes = t.limits.memory_bytes,
          .disk_bytes = t.limits.disk_bytes,
          .inodes = t.limits.inodes,
          .shm_bytes = t.limits.shm_bytes,
          .tmp_bytes = t.limits.tmp_bytes,
          .pids = t.limits.pids};
}

Result<std::unique_ptr<tasks::TaskPackage>> TaskFrom(const records::PlanTask& record) {
  std::string folder = record.folder;
  if (!folder.empty() && !folder.ends_with('/')) folder += '/';
  PODIUM_ASSIGN(auto task, tasks::FindTask(folder.empty() ? record.id : folder));
  if (task.digest.hex() == record.digest)
    return std::make_unique<tasks::TaskPackage>(std::move(task));
  return Fail(ErrorCode::kDigest, "task '" + record.id + "' here (" + task.dir.string() +
                                      ") is not the one of the run's plan: its digest is " +
                                      task.digest.hex().substr(0, 16) + ", planned was " +
                                      record.digest.substr(0, 16));
}

Result<std::unique_ptr<AgentPlan>> AgentFrom(const records::PlanAgent& record, AgentFiles wanted) {
  auto out = std::make_unique<AgentPlan>();
  PODIUM_ASSIGN(out->id, AgentId::Parse(record.id));
  out->scaffold = agents::FindScaffold(record.scaffold);
  if (!out->scaffold)
    return Fail(ErrorCode::kNotFound, "the plan's agent '" + record.id + "' has scaffold '" +
                                          Printable(record.scaffold) +
                                          "', which this Podium does not have");
  out->proposer = record.proposer;
  out->cell = record.cell;
  PODIUM_ASSIGN(out->settings, SettingsFrom(record.settings));
  PODIUM_TRY(FillAgent(*out));
  std::string files = out->configured.files ? out->configured.files->hex() : "";
  if (files == record.files || wanted == AgentFiles::kMayDiffer) return out;
  return Fail(ErrorCode::kDigest, "the files of agent '" + record.id +
                                      "' have changed since the run was planned: its trials could "
                                      "not be compared");
}

Status AddTrials(const records::RunPlan& record, RunPlan& plan) {
  std::map<std::string, const tasks::TaskPackage*> tasks;
  std::map<std::string, const AgentPlan*> agents;
  for (const auto& t : plan.tasks) tasks[t->id.str()] = t.get();
  for (const auto& a : plan.agents) agents[a->id.str()] = a.get();
  std::map<std::pair<std::string, std::string>, const records::PlanCell*> cells;
  for (const auto& c : record.cells) cells[{c.task, c.agent}] = &c;
  for (const auto& trial : record.trials) {
    auto cell = cells.find({trial.task, trial.agent});
    if (cell == cells.end() || !tasks.contains(trial.task) || !agents.contains(trial.agent))
      return Fail(ErrorCode::kIo, "the plan names trial " + Printable(trial.task) + "/" +
                                      Printable(trial.agent) + " and not its task, agent or cell");
    const records::PlanCell& c = *cell->second;
    TrialPlan t;
    t.task = tasks[trial.task];
    t.agent = agents[trial.agent];
    t.id = {t.task->id, t.agent->id, static_cast<int>(trial.seed)};
    const std::string& variant = t.agent->settings.Get("instruction").value;
    if (variant != "default") {
      PODIUM_ASSIGN(t.instruction, tasks::InstructionOf(*t.task, variant));
    }
    t.wall = c.wall;
    t.exec = c.exec;
    t.limits.cpus = c.cpus;
    t.limits.memory_bytes = c.memory_bytes;
    t.limits.disk_bytes = c.disk_bytes;
    t.limits.inodes = c.inodes;
    t.limits.shm_bytes = c.shm_bytes;
    t.limits.tmp_bytes = c.tmp_bytes;
    t.limits.pids = static_cast<int>(c.pids);
    plan.trials.push_back(std::move(t));
  }
  return {};
}

}  // namespace

records::RunPlan ToRecord(const RunPlan& plan) {
  records::RunPlan out{.name = plan.name,
                       .image = plan.image,
                       .sandbox = plan.backend,
                       .allow_unenforced = plan.allow_unenforced,
                       .settings = ToRecord(plan.settings)};
  for (const auto& task : plan.tasks) out.tasks.push_back(ToRecord(*task));
  for (const auto& agent : plan.agents)
    out.agents.push_back({.id = agent->id.str(),
                          .scaffold = agent->scaffold->name,
                          .proposer = agent->proposer,
                          .files = agent->configured.files ? agent->configured.files->hex() : "",
                          .settings = ToRecord(agent->settings),
                          .cell = agent->cell});
  std::set<std::pair<TaskId, AgentId>> celled;
  for (const auto& t : plan.trials) {
    out.trials.push_back({t.id.task.str(), t.id.agent.str(), t.id.seed});
    if (celled.emplace(t.id.task, t.id.agent).second) out.cells.push_back(CellOf(t));
  }
  return out;
}

Result<RunPlan> PlanFromRecord(const records::RunPlan& record, AgentFiles files) {
  RunPlan plan;
  plan.from_folder = true;
  plan.name = record.name;
  plan.image = record.image;
  plan.backend = record.sandbox;
  plan.allow_unenforced = record.allow_unenforced;
  PODIUM_ASSIGN(plan.settings, SettingsFrom(record.settings));
  for (const auto& task : record.tasks) {
    PODIUM_ASSIGN(auto found, TaskFrom(task));
    plan.tasks.push_back(std::move(found));
  }
  for (const auto& agent : record.agents) {
    PODIUM_ASSIGN(auto made, AgentFrom(agent, files));
    plan.agents.push_back(std::move(made));
  }
  PODIUM_TRY(AddTrials(record, plan));
  if (plan.trials.empty()) return Fail(ErrorCode::kIo, "the plan has no trials");
  PODIUM_ASSIGN(plan.jobs, JobsOf(plan));
  return plan;
}

}  // namespace podium::harness
