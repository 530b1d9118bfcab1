#include "harness/plan/plan.h"

#include <algorithm>
#include <set>
#include <thread>

#include "agents/programs/references.h"
#include "agents/proposers/llm/prompt_options.h"
#include "base/digest.h"
#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/http/address.h"
#include "base/text.h"
#include "harness/plan/usable.h"
#include "harness/store/run_folder.h"
#include "sandbox/gpu/cdi.h"
#include "sandbox/images/layer_recipe.h"
#include "tasks/hidden_split.h"
#include "tasks/suite.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

// Lower-case id text from a model's name: "qwen2.5-coder" stays; "Qwen/Qwen2.5-Coder" becomes
// "qwen-qwen2.5-coder-3f2a", with a part of its digest, since another name could give the same
// text.
std::string IdText(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  std::string out;
  for (char c : Lower(text)) {
    bool plain =
        (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    out += plain ? c : '-';
  }
  if (out == text && out.size() <= kLongest) return out;
  return out.substr(0, kLongest) + "-" + Digest::Of(text).hex().substr(0, 4);
}

// An agent's file may be a stranger's: the folder and the file that it names lie beside it. (On the
// command line they are the user's word, and may lie anywhere.)
Status PlaceBeside(const fs::path& agent_file, const std::string& key, Settings& own) {
  Setting named = own.Get(key);
  if (named.value.empty()) return {};
  fs::path beside = agent_file.has_parent_path() ? agent_file.parent_path() : fs::path(".");
  std::string name = fs::path(named.value).lexically_normal().string();
  while (name.ends_with('/')) name.pop_back();
  if (name != ".") {
    PODIUM_ASSIGN(auto around, ForeignFolder::Open(beside));
    bool folder = key == "program.folder" || key == "knowledge.corpus";
    auto inside = folder ? around.Folder(name).map([](const auto&) { return true; })
                         : around.Read(name, 1 << 20).map([](const auto&) { return true; });
    if (!inside) return Fail(inside.error().code, named.origin + ": " + inside.error().message);
  }
  return own.Set(key, (beside / name).lexically_normal().string(), named.origin, Layer::kAgentFile);
}

Status PlaceFiles(const fs::path& agent_file, Settings& own) {
  PODIUM_TRY(PlaceBeside(agent_file, "program.folder", own));
  PODIUM_TRY(PlaceBeside(agent_file, "knowledge.corpus", own));
  return PlaceBeside(agent_file, "program.instructions", own);
}

// What a stranger's file may not say: how its trials are isolated, which there are, and to whom the
// user's keys go.
Status CheckIsAnAgents(const Settings& own) {
  for (const auto& [key, setting] : own.all()) {
    if (setting.layer == Layer::kDefault) continue;
    if (IsWholeRuns(key))
      return Fail(
          ErrorCode::kConfig,
          setting.origin + ": '" + key +
              "' is the whole run's and not an agent's: put it in the run's file or give it "
              "to `podium run` with --set");
    if (key == "gateway.catalogue")
      return Fail(
          ErrorCode::kConfig,
          setting.origin +
              ": 'gateway.catalogue' says to which servers keys of the environment go, which "
              "an agent's file cannot: put it in the run's file or give it to `podium run` "
              "with --set");
  }
  return {};
}

Status ReadAgentFile(const fs::path& path, AgentPlan& agent, Settings& own) {
  PODIUM_ASSIGN(auto root, ReadYaml(path));
  static constexpr std::string_view kOwn[] = {"schema", "id", "scaffold", "proposer"};
  auto take = [&](std::string_view key) -> const YamlNode* {
    for (const auto& [name, value] : root.entries) {
      if (name == key) return &value;
    }
    return nullptr;
  };
  const YamlNode* schema = take("schema");
  if (!schema || schema->scalar != "podium-agent/1")
    return root.Complain("schema must be podium-agent/1");
  const YamlNode* scaffold = take("scaffold");
  if (!scaffold) return root.Complain("key 'scaffold' is missing");
  agent.scaffold = agents::FindScaffold(scaffold->scalar);
  if (!agent.scaffold) {
    return scaffold->Complain("there is no scaffold '" + scaffold->scalar + "'." +
                              Suggest(scaffold->scalar, agents::ScaffoldNames()));
  }
  if (const YamlNode* proposer = take("proposer")) agent.proposer = proposer->scalar;
  PODIUM_TRY(own.ApplyYaml(root, kOwn, Layer::kAgentFile));
  PODIUM_TRY(CheckIsAnAgents(own));
  PODIUM_TRY(PlaceFiles(path, own));
  const YamlNode* id = take("id");
  auto parsed = AgentId::Parse(id ? id->scalar : path.stem().string());
  if (!parsed) return (id ? *id : root).Complain(parsed.error().message);
  agent.id = *parsed;
  return {};
}

// An entry with a name of its own is that agent's id.
Result<std::unique_ptr<AgentPlan>> NamedAs(const std::string& name,
                                           std::unique_ptr<AgentPlan> agent) {
  if (agent->cell.empty()) return agent;
  PODIUM_ASSIGN(agent->id, AgentId::Parse(name));
  return agent;
}

// `name` is an agent file's id or path, or a scaffold, or an entry's name for one.
Result<std::unique_ptr<AgentPlan>> FindAgent(const std::string& name, const Settings& all) {
  Settings run = all.ForAgent(name);
  auto agent = std::make_unique<AgentPlan>();
  Settings own;
  std::error_code ec;
  const std::string base = all.AgentOf(name);
  agent->cell = all.CellOf(name);
  fs::path file = ShareDir() / "configs" / "agents" / (base + ".yaml");
  if (base.ends_with(".yaml")) file = base;
  if (fs::exists(file, ec)) {
    PODIUM_TRY(ReadAgentFile(file, *agent, own));
    agent->settings = std::move(run);
    agent->settings.FillFrom(own);
    return NamedAs(name, std::move(agent));
  }
  agent->scaffold = agents::FindScaffold(base);
  if (!agent->scaffold) {
    auto known = ListAgents(), scaffolds = agents::ScaffoldNames();
    known.insert(known.end(), scaffolds.begin(), scaffolds.end());
    return Fail(ErrorCode::kNotFound, run.Get("agents").origin + ": there is no agent '" + base +
                                          "'." + Suggest(base, known) +
                                          " `podium run --help` lists them.");
  }
  agent->settings = run;
  std::string id = base;
  if (agent->scaffold->asks_model) id = IdText(run.Get("model").value) + "-" + base;
  if (agent->scaffold->takes_proposer) {
    agent->proposer = run.Get("proposer").value;
    id = (agent->proposer == "llm" ? IdText(run.Get("model").value) : agent->proposer) + "-" + base;
  }
  auto parsed = AgentId::Parse(id);
  agent->id = parsed ? *parsed : *AgentId::Parse(base);
  return NamedAs(name, std::move(agent));
}

// How requests are written and how long an answer is waited for.
Status FillRequests(const Settings& settings, agents::ModelConfig& model) {
  PODIUM_ASSIGN(model.request_timeout, settings.Duration("llm.request_timeout"));
  PODIUM_ASSIGN(model.idle_timeout, settings.Duration("llm.idle_timeout"));
  PODIUM_ASSIGN(model.max_outage, settings.Duration("llm.max_outage"));
  const Setting& field = settings.Get("llm.output_limit_field");
  model.output_limit_field = model.old_limit_field = field.value;
  if (field.value != "max_tokens" && field.value != "max_completion_tokens")
    return Fail(ErrorCode::kConfig, field.origin +
                                        ": 'llm.output_limit_field' is max_tokens or "
                                        "max_completion_tokens, not '" +
                                        field.value + "'");
  static const std::vector<std::string> kFields = {
      "temperature",    "max_tokens",  "max_completion_tokens",
      "seed",           "stream",      "stream_options",
      "tools",          "tool_choice", "reasoning_effort",
      "response_format"};
  for (const auto& name : settings.List("llm.omit")) {
    if (std::ranges::find(kFields, name) == kFields.end())
      return Fail(ErrorCode::kConfig,
                  settings.Get("llm.omit").origin + ": no request has an optional field '" + name +
                      "'." + Suggest(name, kFields) + " Known: " + Join(kFields, ", "));
    model.omit.insert(name);
  }
  return {};
}

Status FillEffort(const Settings& settings, agents::ModelConfig& model) {
  static const std::vector<std::string> kEfforts = {"none", "minimal", "low", "medium",
                                                    "high", "xhigh",   "max"};
  const Setting& effort = settings.Get("llm.reasoning_effort");
  bool known = std::ranges::find(kEfforts, effort.value) != kEfforts.end();
  if (!effort.value.empty() && !known)
    return Fail(ErrorCode::kConfig, effort.origin + ": 'llm.reasoning_effort' is one of " +
                                        Join(kEfforts, ", ") + ", not '" + effort.value + "'." +
                                        Suggest(effort.value, kEfforts));
  model.reasoning_effort = effort.value;
  return {};
}

// The models of those parts of the work that have one of their own.
Status FillRoles(AgentPlan& a, const OwnServer& server) {
  for (const char* role : {"code", "edit", "review"}) {
    std::string setting = std::string("llm.models.") + role;
    if (a.settings.Get(setting).value.empty()) continue;
    agents::ModelConfig model;
    PODIUM_TRY(FillRequests(a.settings, model));
    PODIUM_TRY(FillEffort(a.settings, model));
    PODIUM_ASSIGN(auto plan, PlanNativeModel(a.settings, server, a.id.str(), model, setting));
    if (plan.native) a.gateway.roles.push_back(std::move(*plan.native));
    a.roles[role] = std::move(model);
  }
  return {};
}

Status FillModel(AgentPlan& a) {
  if (a.settings.Get("model").value.empty()) {
    return Fail(
        ErrorCode::kUsage,
        "agent '" + a.id.str() +
            "' asks a model, and none is named: give --model NAME (or `model:` in the run's YAML)");
  }
  PODIUM_TRY(FillRequests(a.settings, a.model));
  PODIUM_TRY(FillEffort(a.settings, a.model));
  PODIUM_ASSIGN(auto server, ServerOfEnvironment());
  PODIUM_ASSIGN(a.gateway, PlanNativeModel(a.settings, server, a.id.str(), a.model));
  if (a.proposer == "llm") PODIUM_TRY(FillRoles(a, server));
  PODIUM_ASSIGN(a.llm.temperature, a.settings.Double("llm.temperature", 0, 2));
  PODIUM_ASSIGN(auto tokens, a.settings.Int("llm.max_tokens", 64, 1'000'000));
  PODIUM_ASSIGN(a.llm.starter_code, a.settings.Bool("llm.starter_code"));
  PODIUM_ASSIGN(auto preview, a.settings.Int("llm.preview_bytes", 200, 1'000'000));
  a.llm.max_tokens = static_cast<int>(tokens);
  a.llm.preview_bytes = static_cast<std::size_t>(preview);
  return {};
}

Status FillPrompts(AgentPlan& a) {
  PODIUM_TRY(agents::TakePromptOptions(a.settings, a.llm));
  a.configured.files = a.llm.prompts->digest();
  a.configured.validator = a.llm.validator != agents::ValidatorUse::kOff;
  return {};
}

Status FillGpus(AgentPlan& a) {
  if (!a.needs_sandbox() || a.settings.Get("limits.gpus").value == "none") return {};
  const std::string& origin = a.settings.Get("limits.gpus").origin;
  auto names = a.settings.List("limits.gpus");
  if (names.empty())
    return Fail(ErrorCode::kConfig, origin + ": 'limits.gpus' is empty: none, or names of GPUs");
  PODIUM_ASSIGN(auto registry, sandbox::CdiRegistry::Read({}));
  auto found = registry.Resolve(names);
  if (!found) return Fail(found.error().code, origin + ": 'limits.gpus': " + found.error().message);
  a.gpus = std::move(*found);
  return {};
}

// A list of names is cut at its commas, those of a folder's name as well.
tl::unexpected<Error> WithCommas(Error error, const std::string& list) {
  bool path = list.find('/') != std::string::npos && list.find(',') != std::string::npos;
  if (path)
    error.message +=
        " (a comma separates names: a folder with a comma in its path cannot be named here; move "
        "it, or name a link to it)";
  return tl::unexpected(std::move(error));
}

Result<std::vector<std::unique_ptr<tasks::TaskPackage>>> FindTasks(const Settings& settings) {
  std::vector<std::unique_ptr<tasks::TaskPackage>> out;
  std::vector<std::string> names = settings.List("tasks");
  if (!settings.Get("suite").value.empty()) {
    PODIUM_ASSIGN(auto suite, tasks::LoadSuite(settings.Get("suite").value));
    for (const auto& id : suite.tasks) names.push_back(id.str());
  }
  std::set<std::string> seen;
  for (const auto& name : names) {
    if (!seen.insert(name).second) continue;
    auto task = tasks::FindTask(name);
    if (!task) return WithCommas(std::move(task).error(), settings.Get("tasks").value);
    out.push_back(std::make_unique<tasks::TaskPackage>(std::move(*task)));
  }
  if (out.empty())
    return Fail(ErrorCode::kUsage,
                "which tasks? Give --task ID or --suite NAME (`podium tasks ls` shows them), or a "
                "run file");
  return out;
}

// Named after what it runs, and told apart by a digest of the configuration: the same command finds
// the same run.
std::string DefaultName(const RunPlan& plan) {
  std::string base = plan.settings.Get("suite").value.empty()
                         ? plan.tasks.front()->id.str()
                         : IdText(plan.settings.Get("suite").value);
  if (plan.tasks.size() > 1 && plan.settings.Get("suite").value.empty())
    base += "-and-" + std::to_string(plan.tasks.size() - 1);
  const AgentPlan& first = *plan.agents.front();
  std::string agent = first.cell.empty() ? first.id.str() : "matrix";
  return base + "-" + agent + "-" + Digest::Of(PlanYaml(plan, false)).hex().substr(0, 6);
}

}  // namespace

sandbox::Limits WorkerLimits(const TrialPlan& trial) {
  sandbox::Limits out = trial.limits;
  int workers = trial.agent->configured.workers;
  auto n = static_cast<std::uint64_t>(workers);
  out.cpus /= workers;
  out.pids /= workers;
  for (auto* size :
       {&out.memory_bytes, &out.disk_bytes, &out.inodes, &out.shm_bytes, &out.tmp_bytes})
    *size /= n;
  return out;
}

namespace {

// An agent's file may be a stranger's: of the user's variables it gets those that the run allows.
Status CheckReferences(const AgentPlan& a) {
  const Setting& env = a.settings.Get("program.env");
  if (env.layer != Layer::kAgentFile) return {};
  auto pairs = a.settings.Map("program.env");
  if (!pairs) return tl::unexpected(pairs.error());
  auto allowed = a.settings.List("allow_env");
  for (const auto& name : agents::ReferencedNames(*pairs)) {
    if (std::ranges::find(allowed, name) != allowed.end()) continue;
    return Fail(ErrorCode::kConfig,
                env.origin + ": 'program.env' asks for this host's variable " + name +
                    ", which the run does not allow: where you trust the agent with it, give "
                    "`--set allow_env=" +
                    name + "` or `allow_env: " + name + "` in the run's file");
  }
  return {};
}

// What it may look up counts as a file of its own.
Status FillKnowledge(AgentPlan& a) {
  if (!a.asks_model() && !a.scaffold->uses_gateway) return {};
  PODIUM_ASSIGN(a.knowledge, agents::TakeKnowledge(a.settings));
  if (!a.knowledge.digest) return {};
  std::string own = a.configured.files ? a.configured.files->hex() : "";
  a.configured.files = Digest::Of(own + "\nknowledge " + a.knowledge.digest->hex());
  return {};
}

Status FillScaffold(AgentPlan& a) {
  if (a.scaffold->uses_gateway) {
    PODIUM_ASSIGN(a.gateway, PlanGateway(a.settings));
  }
  if (!a.scaffold->takes_proposer) {
    a.proposer.clear();
    return a.scaffold->asks_model ? FillModel(a) : Status{};
  }
  if (a.proposer.empty()) a.proposer = a.settings.Get("proposer").value;
  if (a.proposer == "llm") {
    PODIUM_TRY(FillModel(a));
    return FillPrompts(a);
  }
  if (a.proposer == "portfolio") return {};
  return Fail(ErrorCode::kConfig, a.settings.Get("proposer").origin + ": there is no proposer '" +
                                      a.proposer + "': portfolio or llm");
}

}  // namespace

Status FillAgent(AgentPlan& a) {
  PODIUM_TRY(CheckReferences(a));
  PODIUM_TRY(FillGpus(a));
  PODIUM_ASSIGN(a.configured, a.scaffold->configure(a.settings));
  PODIUM_TRY(FillScaffold(a));
  std::string faults = a.gateway.faults.Text();
  if (!faults.empty()) a.configured.variants.push_back(std::move(faults));
  return FillKnowledge(a);
}

namespace {

// What so many sandboxes use together, each with these limits.
void Multiply(sandbox::Limits& limits, int sandboxes) {
  auto n = static_cast<std::uint64_t>(sandboxes);
  limits.cpus *= sandboxes;
  limits.pids *= sandboxes;
  for (auto* size : {&limits.memory_bytes, &limits.disk_bytes, &limits.inodes, &limits.shm_bytes,
                     &limits.tmp_bytes})
    *size *= n;
}

// Nothing where it is the task's own.
Result<std::optional<tasks::Instruction>> InstructionFor(const tasks::TaskPackage& task,
                                                         const Settings& settings) {
  const Setting& variant = settings.Get("instruction");
  std::optional<tasks::Instruction> none;
  if (variant.value == "default") return none;
  auto found = tasks::InstructionOf(task, variant.value);
  if (found) return *found;
  return Fail(found.error().code, variant.origin + ": " + found.error().message);
}

Status CheckExpert(const tasks::TaskPackage& task, const AgentPlan& agent) {
  if (agent.knowledge.mode != agents::KnowledgeMode::kOracle || !task.expert.empty()) return {};
  return Fail(ErrorCode::kConfig, agent.settings.Get("knowledge.mode").origin +
                                      ": 'knowledge.mode: oracle' needs an " +
                                      "expert's text, and task '" + task.id.str() +
                                      "' has none ('expert: FILE' in its task.yaml)");
}

}  // namespace

Result<TrialPlan> MakeTrial(const tasks::TaskPackage& task, const AgentPlan& agent, int seed) {
  TrialPlan t;
  t.id = {task.id, agent.id, seed};
  t.task = &task;
  t.agent = &agent;
  const Settings& s = agent.settings;
  PODIUM_ASSIGN(t.instruction, InstructionFor(task, s));
  t.wall = task.budget_wall;
  t.limits.cpus = task.runtime.cpus;
  t.limits.memory_bytes = task.runtime.memory_bytes;
  t.limits.disk_bytes = task.runtime.disk_bytes;
  if (s.Get("budget.wall").value != "task") {
    PODIUM_ASSIGN(t.wall, s.Duration("budget.wall"));
  }
  t.exec = std::min(agent.configured.exec.value_or(t.wall / 2), t.wall);
  if (s.Get("budget.exec").value != "auto") {
    PODIUM_ASSIGN(t.exec, s.Duration("budget.exec"));
  }
  if (s.Get("limits.cpus").value != "task") {
    PODIUM_ASSIGN(t.limits.cpus, s.Double("limits.cpus", 0.1, 4096));
  }
  if (s.Get("limits.memory").value != "task") {
    PODIUM_ASSIGN(t.limits.memory_bytes, s.Bytes("limits.memory"));
  }
  if (s.Get("limits.disk").value != "task") {
    PODIUM_ASSIGN(t.limits.disk_bytes, s.Bytes("limits.disk"));
  }
  // Inodes of 256 bytes take no more than a quarter of a small disk.
  t.limits.inodes = std::min<std::uint64_t>(t.limits.inodes, t.limits.disk_bytes / 4 / 256);
  PODIUM_ASSIGN(auto pids, s.Int("limits.pids", 16, 1'000'000));
  t.limits.pids = static_cast<int>(pids);
  t.limits.shm_bytes = std::min(t.limits.shm_bytes, t.limits.memory_bytes / 2);
  t.limits.tmp_bytes = std::min(t.limits.tmp_bytes, t.limits.memory_bytes / 2);
  if (agent.configured.limits_each) Multiply(t.limits, agent.configured.workers);
  return t;
}

Result<int> JobsOf(const RunPlan& plan) {
  if (plan.settings.Get("jobs").value != "auto") {
    PODIUM_ASSIGN(auto jobs, plan.settings.Int("jobs", 1, 10'000));
    return static_cast<int>(jobs);
  }
  double cpus = 0.1;
  for (const auto& t : plan.trials) cpus = std::max(cpus, t.limits.cpus);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency() / cpus));
}

Result<RetryPolicy> RetriesOf(const RunPlan& plan) {
  RetryPolicy out;
  PODIUM_ASSIGN(auto most, plan.settings.Int("retries.infrastructure", 0, 1000));
  out.infrastructure = static_cast<int>(most);
  if (plan.settings.Get("retries.pause").value != "off") {
    PODIUM_ASSIGN(out.pause, plan.settings.Duration("retries.pause"));
  }
  return out;
}

Result<RunCeilings> CeilingsOf(const RunPlan& plan) {
  const Settings& s = plan.settings;
  auto set = [&](const char* name) { return s.Get(name).value != "none"; };
  RunCeilings out;
  if (set("run.budget.usd")) {
    auto usd = agents::Usd::Parse(s.Get("run.budget.usd").value);
    if (!usd)
      return Fail(ErrorCode::kUsage,
                  s.Get("run.budget.usd").origin + ": run.budget.usd: " + usd.error().message);
    out.usd = *usd;
  }
  if (set("run.budget.tokens")) {
    PODIUM_ASSIGN(out.tokens, s.Int("run.budget.tokens", 0, std::int64_t{1} << 60));
  }
  if (set("run.budget.gpu_hours")) {
    PODIUM_ASSIGN(out.gpu_hours, s.Double("run.budget.gpu_hours", 0, 1e9));
  }
  if (set("run.budget.wall")) {
    PODIUM_ASSIGN(out.wall, s.Duration("run.budget.wall"));
  }
  return out;
}

Result<int> ModelsAtOnce(const RunPlan& plan) {
  PODIUM_ASSIGN(auto at_once, plan.settings.Int("llm.at_once", 1, 100'000));
  return static_cast<int>(at_once);
}

std::vector<std::string> ListAgents() {
  std::vector<std::string> out;
  std::error_code ec;
  for (fs::directory_iterator it(ShareDir() / "configs" / "agents", ec), end; !ec && it != end;
       it.increment(ec)) {
    if (it->path().extension() == ".yaml") out.push_back(it->path().stem().string());
  }
  std::ranges::sort(out);
  return out;
}

Result<RunPlan> MakePlan(const Settings& given) {
  RunPlan plan;
  plan.settings = given;
  PODIUM_TRY(ExpandMatrix(plan.settings));
  const Settings& settings = plan.settings;
  PODIUM_ASSIGN(plan.tasks, FindTasks(settings));
  std::vector<std::string> agents = settings.List("agents");
  if (agents.empty())
    return Fail(ErrorCode::kUsage, "which agent? Give --agent NAME (" + Join(ListAgents(), ", ") +
                                       ", or a scaffold such as greedy)");
  std::set<AgentId> seen;
  for (const auto& name : agents) {
    auto found = FindAgent(name, settings);
    if (!found) return WithCommas(std::move(found).error(), settings.Get("agents").value);
    std::unique_ptr<AgentPlan> agent = std::move(*found);
    PODIUM_TRY(FillAgent(*agent));
    if (!seen.insert(agent->id).second)
      return Fail(ErrorCode::kUsage, settings.Get("agents").origin + ": agent '" + agent->id.str() +
                                         "' is there twice");
    plan.agents.push_back(std::move(agent));
  }
  PODIUM_TRY(CheckUsed(plan.agents));
  PODIUM_ASSIGN(auto seeds, settings.Int("seeds", 1, 10'000));
  PODIUM_ASSIGN(auto first, settings.Int("first_seed", 0, 1'000'000));
  for (int s = 0; s < seeds; ++s) {
    for (const auto& task : plan.tasks) {
      for (const auto& agent : plan.agents) {
        if (agent->configured.hidden_split) PODIUM_TRY(tasks::CheckSplittable(*task));
        PODIUM_TRY(CheckExpert(*task, *agent));
        PODIUM_ASSIGN(auto trial, MakeTrial(*task, *agent, static_cast<int>(first) + s));
        plan.trials.push_back(trial);
      }
    }
  }
  plan.image = settings.Get("image").value;
  if (sandbox::IsRecipePath(plan.image))
    plan.image = fs::absolute(plan.image).lexically_normal().string();
  plan.backend = settings.Get("sandbox").value;
  PODIUM_ASSIGN(plan.allow_unenforced, settings.Bool("allow_unenforced"));
  PODIUM_ASSIGN(plan.jobs, JobsOf(plan));
  PODIUM_TRY(ModelsAtOnce(plan));
  PODIUM_TRY(RetriesOf(plan));
  PODIUM_TRY(CeilingsOf(plan));
  plan.name = settings.Get("name").value.empty() ? DefaultName(plan) : settings.Get("name").value;
  if (!IsIdText(plan.name))
    return Fail(ErrorCode::kConfig, settings.Get("name").origin + ": '" + plan.name +
                                        "' cannot name a run: use a-z, 0-9, '.', '_' and '-'");
  plan.dir = RunsDir() / plan.name;
  return plan;
}

}  // namespace podium::harness
