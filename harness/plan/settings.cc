#include "harness/plan/settings.h"

#include <algorithm>
#include <cctype>

#include "agents/knowledge/knowledge.h"
#include "agents/proposers/llm/prompt_options.h"
#include "agents/registry.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/text.h"

namespace podium::harness {
namespace {

// The run's own, in the order in which help shows them; the scaffolds' come after the limits.
const agents::OptionSpec kSettings[] = {
    {"name", "", "name of the run and of its folder under runs/"},
    {"suite", "", "a suite of tasks (configs/suites)"},
    {"tasks", "", "task ids, comma-separated"},
    {"agents", "", "agent ids (configs/agents) or scaffold names, comma-separated"},
    {"proposer", "portfolio", "who writes the code for a scaffold given by name: portfolio or llm"},
    {"model", "", "model name for the llm proposer, as its server knows it"},
    {"seeds", "1", "trials of each task and agent"},
    {"first_seed", "0", "seed of the first of them"},
    {"jobs", "auto", "trials at once; auto = what cores and memory allow"},
    {"notify.command", "",
     "run by a shell when the run ends or meets trouble, with PODIUM_EVENT, PODIUM_RUN and "
     "PODIUM_TEXT; empty = nothing"},
    {"executor", "local",
     "who works on the run: local (this process), or slurm (an array of `podium worker`)"},
    {"slurm.workers", "4", "jobs of that array"},
    {"slurm.jobs", "1", "trials at once in each of them"},
    {"slurm.time", "", "time limit of a job, as Slurm takes it ('1-00:00:00'); empty = its own"},
    {"slurm.options", "", "further options of sbatch, separated by blanks ('--partition=gpu')"},
    {"retries.infrastructure", "2",
     "attempts of a trial that are replaced after a failure of the host or a provider"},
    {"retries.pause", "30 s",
     "pause before the first of them, then twice as long each; off = the next command tries again"},
    {"image", "podium-ml", "container image: a name, or the path of a recipe (./my.yaml)", true,
     true},
    {"sandbox", "runc", "what isolates: runc, crun, runsc, docker, podman, unsafe-local"},
    {"instruction", "default",
     "which text of its task an agent is given: default, or a variant that the package has "
     "(obfuscated)"},
    {"budget.wall", "task", "working time of a trial ('90 s', '24 h'); task = the task's own"},
    {"budget.exec", "auto", "time limit of one program run; auto = half of budget.wall"},
    {"budget.nodes", "8", "nodes (programs) a search may try"},
    {"budget.requests", "none", "calls of models that a trial may make"},
    {"budget.tokens", "none", "tokens of prompts and answers together, likewise"},
    {"budget.usd", "none", "US dollars for models, likewise ('2.50')"},
    {"run.budget.usd", "none", "US dollars for models, of all trials together ('40')"},
    {"run.budget.tokens", "none", "tokens of prompts and answers, likewise"},
    {"run.budget.gpu_hours", "none", "hours of GPUs, likewise"},
    {"run.budget.wall", "none", "time since the run's first trial began, after which none begins"},
    {"limits.cpus", "task", "cores of a trial's container"},
    {"limits.memory", "task", "memory of a trial's container ('4 GiB')"},
    {"limits.disk", "task", "writable disk of a trial's container"},
    {"limits.pids", "512", "processes and threads in a trial's container"},
    {"limits.gpus", "none",
     "GPUs of a trial's container: names as `nvidia-ctk cdi list` prints them, comma-separated"},
    {"llm.temperature", "0.5", "sampling temperature"},
    {"llm.max_tokens", "2048", "longest answer asked for"},
    {"llm.reasoning_effort", "",
     "how much a model thinks before it answers, in its format's own field: none, minimal, low, "
     "medium, high, xhigh, max; empty = its own way"},
    {"llm.models.code", "", "another model for draft, crossover and ensemble"},
    {"llm.models.edit", "", "another model for debug and improve"},
    {"llm.models.review", "", "another model for questions about a program (score, leak)"},
    {"llm.preview_bytes", "4000", "longest data preview in a prompt"},
    {"llm.starter_code", "false", "show drafts code that loads and encodes train and test tables"},
    {"llm.request_timeout", "10 min", "longest wait for one answer"},
    {"llm.idle_timeout", "5 min", "longest wait for the next byte of an answer"},
    {"llm.max_outage", "1 h",
     "longest wait for a model's server that is down, overloaded or over its rate; no working "
     "time"},
    {"llm.at_once", "64",
     "requests at once to one provider, of all trials on this host together (also "
     "models.at_once); fewer while it is overloaded"},
    {"llm.faults.rate", "0",
     "part of the requests to models that meet a fault made on purpose, up to 0.9; every verdict "
     "says so"},
    {"llm.faults.kinds", "all",
     "which: transport (429, 500, 529, no_answer, cut_stream, error_event), content (empty, prose, "
     "malformed_tool, truncated), all of these, or by name, hang too"},
    {"llm.output_limit_field", "max_tokens",
     "name of that limit in a request: max_tokens or max_completion_tokens"},
    {"llm.format", "auto",
     "wire format in which the model is asked: chat, responses, messages, gemini; auto = the first "
     "that the catalogue names for it"},
    {"llm.omit", "",
     "fields left out of a request, comma-separated: temperature, max_tokens, seed, ..."},
    {"gateway.models", "",
     "models a program may ask at 127.0.0.1:8000, comma-separated; empty = no gateway"},
    {"gateway.catalogue", "",
     "file that describes models, for programs and the llm proposer alike (also models.catalogue); "
     "empty = configs/models.yaml",
     true},
    {"gateway.mode", "live",
     "live, or replay: answers from the trial's record alone (also models.mode)"},
    {"gateway.tls", "auto",
     "auto: api.openai.com and the catalogue's other public hosts are the gateway in the "
     "container, "
     "for clients with an address built in; off: a program has to be told of 127.0.0.1:8000"},
    {"allow_env", "",
     "variables of this host that agents' files may ask for in program.env, comma-separated; what "
     "the run's own file or --set asks for needs none"},
    {"allow_unenforced", "false",
     "run although the host cannot enforce a limit (recorded in every verdict)"},
};

// Other spellings of settings that concern every agent's models, not those of gateways alone.
struct Alias {
  std::string_view spelling, name;
};
constexpr Alias kAliases[] = {
    {"models.catalogue", "gateway.catalogue"},         {"models.mode", "gateway.mode"},
    {"models.request_timeout", "llm.request_timeout"}, {"models.idle_timeout", "llm.idle_timeout"},
    {"models.max_outage", "llm.max_outage"},           {"models.at_once", "llm.at_once"}};

constexpr std::string_view kOtherVariables[] = {"PODIUM_CACHE", "PODIUM_HOME", "PODIUM_HOST_STATE",
                                                "PODIUM_RUNS"};

std::string VariableName(std::string_view name) {
  std::string out = "PODIUM_";
  for (char c : name)
    out += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

using Shape = agents::OptionSpec::Shape;

Shape ShapeOf(const std::string& name) {
  auto found = std::ranges::find(KnownSettings(), name, &agents::OptionSpec::name);
  return found == KnownSettings().end() ? Shape::kText : found->shape;
}

// A list of texts, or names with a text each, as the setting's value keeps them.
Result<std::string> JsonOf(const YamlNode& node, Shape shape) {
  bool words = shape == Shape::kWords;
  if ((node.kind == YamlNode::Kind::kList) != words)
    return node.Complain(words ? "expected a list of texts" : "expected names with a text each");
  std::vector<std::string> out;
  for (const auto& item : node.items) {
    PODIUM_ASSIGN(auto text, item.AsString());
    out.push_back(Json(text).dump());
  }
  for (const auto& [name, value] : node.entries) {
    PODIUM_ASSIGN(auto text, value.AsString());
    out.push_back(Json(name).dump() + ": " + Json(text).dump());
  }
  return words ? "[" + Join(out, ", ") + "]" : "{" + Join(out, ", ") + "}";
}

bool IsGroup(const std::string& name) {
  auto below = [&](std::string_view full) { return full.starts_with(name + "."); };
  return std::ranges::any_of(KnownSettings(), below, &agents::OptionSpec::name) ||
         std::ranges::any_of(kAliases, below, &Alias::spelling);
}

}  // namespace

std::string CanonicalSetting(const std::string& name) {
  auto found = std::ranges::find(kAliases, name, &Alias::spelling);
  return found == std::end(kAliases) ? name : std::string(found->name);
}

std::vector<std::string> SettingNames() {
  std::vector<std::string> out;
  for (const auto& s : KnownSettings()) out.push_back(s.name);
  return out;
}

const std::vector<agents::OptionSpec>& KnownSettings() {
  static const std::vector<agents::OptionSpec> all = [] {
    std::vector<agents::OptionSpec> out(std::begin(kSettings), std::end(kSettings));
    auto at = std::ranges::find(out, "llm.temperature", &agents::OptionSpec::name);
    for (const auto& scaffold : agents::Scaffolds()) {
      for (const auto& option : scaffold.options) {
        if (std::ranges::find(out, option.name, &agents::OptionSpec::name) != out.end()) continue;
        at = out.insert(at, option) + 1;
      }
    }
    for (const auto& option : agents::PromptOptions()) at = out.insert(at, option) + 1;
    for (const auto& option : agents::KnowledgeOptions()) at = out.insert(at, option) + 1;
    return out;
  }();
  return all;
}

Settings::Settings() {
  for (const auto& s : KnownSettings()) values_[s.name] = {s.fallback, "default"};
}

Status Settings::Apply(const YamlNode& node, const std::string& prefix,
                       std::span<const std::string_view> also_allowed, Layer layer) {
  if (node.kind != YamlNode::Kind::kMap) return node.Complain("expected a mapping (key: value)");
  for (const auto& [key, value] : node.entries) {
    std::string name = CanonicalSetting(prefix + key);
    if (prefix.empty() && std::ranges::find(also_allowed, name) != also_allowed.end()) continue;
    if (prefix.empty() && layer == Layer::kRunFile && name == "matrix") {
      PODIUM_TRY(ReadMatrixAxes(value, matrix_));
      continue;
    }
    if (prefix.empty() && layer == Layer::kRunFile && (name == "exclude" || name == "include")) {
      auto& cells = name == "exclude" ? matrix_.exclude : matrix_.include;
      PODIUM_ASSIGN(cells, ReadMatrixCells(value));
      continue;
    }
    if (IsGroup(name)) {
      PODIUM_TRY(Apply(value, name + ".", {}, layer));
      continue;
    }
    if (!values_.contains(name))
      return value.Complain("unknown key '" + name + "'." + Suggest(name, SettingNames()));
    std::string text = value.scalar;
    if (ShapeOf(name) != Shape::kText && value.kind > YamlNode::Kind::kScalar) {
      PODIUM_ASSIGN(text, JsonOf(value, ShapeOf(name)));
    } else if (name == "agents" && value.kind == YamlNode::Kind::kList) {
      PODIUM_ASSIGN(text, ApplyAgents(value));
    } else if (value.kind == YamlNode::Kind::kList) {
      PODIUM_ASSIGN(auto items, value.AsStrings());
      text = Join(items, ",");
    } else if (value.kind == YamlNode::Kind::kMap) {
      return value.Complain("'" + name + "' is a single value, not a mapping");
    }
    values_[name] = {text, value.place(), layer};
  }
  return {};
}

// The names in a list of agents, comma-separated; an item is a name or a mapping with `id` and what
// this agent alone is given.
Result<std::string> Settings::ApplyAgents(const YamlNode& list) {
  std::vector<std::string> names;
  for (const auto& item : list.items) {
    if (item.kind != YamlNode::Kind::kMap) {
      PODIUM_ASSIGN(auto name, item.AsString());
      names.push_back(std::move(name));
      continue;
    }
    auto id = std::ranges::find(item.entries, "id", &YamlNode::Entry::first);
    if (id == item.entries.end())
      return item.Complain("an agent is a name, or a mapping with 'id' and its own settings");
    PODIUM_ASSIGN(auto name, id->second.AsString());
    AgentEntry entry{.agent = name, .values = {}};
    auto as = std::ranges::find(item.entries, "as", &YamlNode::Entry::first);
    if (as != item.entries.end()) {
      PODIUM_ASSIGN(name, as->second.AsString());
      if (!IsIdText(name)) return as->second.Complain("'" + name + "' cannot name an agent");
      entry.named = true;
    }
    static constexpr std::string_view kOwn[] = {"id", "as"};
    Settings own;
    PODIUM_TRY(own.Apply(item, "", kOwn, Layer::kAgentEntry));
    Values& values = entry.values;
    for (const auto& [key, setting] : own.values_) {
      if (setting.layer == Layer::kDefault) continue;
      if (IsWholeRuns(key))
        return Fail(ErrorCode::kConfig,
                    setting.origin + ": '" + key + "' is the whole run's, not one agent's");
      values[key] = setting;
    }
    per_agent_[name] = std::move(entry);
    names.push_back(std::move(name));
  }
  return Join(names, ",");
}

Settings Settings::ForAgent(const std::string& name) const {
  Settings out = *this;
  auto own = per_agent_.find(name);
  if (own == per_agent_.end()) return out;
  for (const auto& [key, setting] : own->second.values) {
    Setting& now = out.values_[key];
    if (now.layer < Layer::kAgentEntry) now = setting;
  }
  return out;
}

std::string Settings::AgentOf(const std::string& name) const {
  auto own = per_agent_.find(name);
  return own == per_agent_.end() ? name : own->second.agent;
}

std::map<std::string, std::string> Settings::CellOf(const std::string& name) const {
  std::map<std::string, std::string> out;
  auto own = per_agent_.find(name);
  if (own == per_agent_.end() || !own->second.named) return out;
  out["agent"] = own->second.agent;
  for (const auto& [key, setting] : own->second.values) out[key] = setting.value;
  return out;
}

Status Settings::Vary(const std::string& axis, const std::string& origin) {
  std::size_t equals = axis.find('=');
  if (equals == std::string::npos || equals == 0)
    return Fail(ErrorCode::kUsage, origin + " takes NAME=VALUE,VALUE, found '" + axis + "'");
  YamlNode values{.kind = YamlNode::Kind::kList, .file = origin};
  std::string list = axis.substr(equals + 1);
  for (auto value : Split(list, ','))
    values.items.push_back(
        {.kind = YamlNode::Kind::kScalar, .scalar = std::string(Trim(value)), .file = origin});
  YamlNode node{.kind = YamlNode::Kind::kMap, .file = origin};
  node.entries.push_back({axis.substr(0, equals), std::move(values)});
  PODIUM_TRY(ReadMatrixAxes(node, matrix_));
  matrix_.axes.back().origin = origin;
  return {};
}

AgentEntry Settings::EntryOf(const Matrix::Cell& cell) const {
  AgentEntry out{.agent = "", .values = {}, .named = true};
  for (const auto& [key, value, origin] : cell) {
    if (key != "agents") continue;
    out.agent = AgentOf(value);
    auto own = per_agent_.find(value);
    if (own != per_agent_.end()) out.values = own->second.values;
  }
  for (const auto& [key, value, origin] : cell) {
    if (key != "agents") out.values[key] = {value, origin, Layer::kAgentEntry};
  }
  return out;
}

void Settings::UseEntries(const std::vector<std::string>& names,
                          std::map<std::string, AgentEntry> entries) {
  values_["agents"] = {Join(names, ","), "the matrix", Layer::kRunFile};
  per_agent_ = std::move(entries);
  matrix_ = {};
}

namespace {

std::string BothLists(const std::vector<std::string>& first, const std::vector<std::string>& then) {
  std::vector<std::string> out = first;
  for (const auto& name : then) {
    if (std::ranges::find(out, name) == out.end()) out.push_back(name);
  }
  return Join(out, ",");
}

}  // namespace

Result<Settings> Settings::GrownFrom(const Settings& before) const {
  Settings out = *this;
  for (const char* name : {"tasks", "agents"})
    out.values_[name].value = BothLists(before.List(name), List(name));
  if (Get("suite").value.empty() && !before.Get("suite").value.empty())
    out.values_["suite"] = before.Get("suite");
  for (const auto& [agent, entry] : before.per_agent_) out.per_agent_.emplace(agent, entry);
  constexpr std::int64_t kMost = 1'000'000;
  PODIUM_ASSIGN(auto first, Int("first_seed", 0, kMost));
  PODIUM_ASSIGN(auto count, Int("seeds", 1, kMost));
  PODIUM_ASSIGN(auto first_before, before.Int("first_seed", 0, kMost));
  PODIUM_ASSIGN(auto count_before, before.Int("seeds", 1, kMost));
  auto least = std::min(first, first_before);
  auto end = std::max(first + count, first_before + count_before);
  out.values_["first_seed"].value = std::to_string(least);
  out.values_["seeds"].value = std::to_string(end - least);
  return out;
}

bool ChangesNoResult(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "name",          "jobs",          "llm.at_once",   "retries.infrastructure",
      "retries.pause", "executor",      "slurm.jobs",    "slurm.workers",
      "slurm.time",    "slurm.options", "notify.command"};
  return name.starts_with("run.budget.") || std::ranges::find(kNames, name) != std::end(kNames);
}

bool ChoosesTrials(std::string_view name) {
  static constexpr std::string_view kNames[] = {"suite", "tasks", "agents", "seeds", "first_seed"};
  return ChangesNoResult(name) || std::ranges::find(kNames, name) != std::end(kNames);
}

bool IsWholeRuns(std::string_view name) {
  static constexpr std::string_view kIsolation[] = {"image", "sandbox", "allow_env",
                                                    "allow_unenforced"};
  return ChoosesTrials(name) || std::ranges::find(kIsolation, name) != std::end(kIsolation);
}

Status Settings::ApplyYaml(const YamlNode& root, std::span<const std::string_view> also_allowed,
                           Layer layer) {
  return Apply(root, "", also_allowed, layer);
}

Status Settings::ApplyEnvironment(const char* const* environment) {
  std::vector<std::string> known(std::begin(kOtherVariables), std::end(kOtherVariables));
  for (const auto& s : KnownSettings()) known.push_back(VariableName(s.name));
  for (const auto& alias : kAliases) known.push_back(VariableName(alias.spelling));
  for (; environment && *environment; ++environment) {
    std::string_view entry = *environment;
    std::size_t equals = entry.find('=');
    if (!entry.starts_with("PODIUM_") || equals == std::string_view::npos) continue;
    std::string variable(entry.substr(0, equals));
    if (std::ranges::find(known, variable) == known.end()) {
      return Fail(ErrorCode::kUsage, "environment variable " + variable +
                                         " is not one of Podium's." + Suggest(variable, known) +
                                         " Unset it, or see `podium run --help`.");
    }
    Setting value{std::string(entry.substr(equals + 1)), "environment " + variable,
                  Layer::kEnvironment};
    for (const auto& s : KnownSettings()) {
      if (VariableName(s.name) == variable) values_[s.name] = value;
    }
    for (const auto& alias : kAliases) {
      if (VariableName(alias.spelling) == variable) values_[std::string(alias.name)] = value;
    }
  }
  return {};
}

Status Settings::Set(const std::string& name, const std::string& value, const std::string& origin,
                     Layer layer) {
  std::string own = CanonicalSetting(name);
  if (!values_.contains(own))
    return Fail(ErrorCode::kUsage,
                origin + ": there is no setting '" + name + "'." + Suggest(name, SettingNames()));
  values_[own] = {value, origin, layer};
  return {};
}

void Settings::FillFrom(const Settings& lower) {
  for (auto& [name, setting] : values_) {
    if (setting.layer == Layer::kDefault) setting = lower.Get(name);
  }
}

const Setting& Settings::Get(std::string_view name) const { return values_.find(name)->second; }

YamlNode Settings::AsNode(std::string_view name) const {
  YamlNode node;
  node.kind = YamlNode::Kind::kScalar;
  node.scalar = Get(name).value;
  return node;
}

namespace {

template <class T>
Result<T> Placed(Result<T> value, std::string_view name, const Setting& s) {
  if (value) return value;
  std::string message = value.error().message;
  message.erase(0, message.find(' ') + 1);  // the node has no place of its own
  return Fail(ErrorCode::kConfig, s.origin + ": '" + std::string(name) + "': " + message);
}

template <class T>
Result<T> Ranged(Result<T> value, T least, T most, std::string_view name, const Setting& s) {
  if (value && (*value < least || *value > most)) {
    return Fail(ErrorCode::kConfig,
                s.origin + ": '" + std::string(name) + "': expected a value from " +
                    FormatDouble(static_cast<double>(least)) + " to " +
                    FormatDouble(static_cast<double>(most)) + ", found " + s.value);
  }
  return value;
}

}  // namespace

Result<std::int64_t> Settings::Int(std::string_view name, std::int64_t least,
                                   std::int64_t most) const {
  return Ranged(Placed(AsNode(name).AsInt(), name, Get(name)), least, most, name, Get(name));
}
Result<double> Settings::Double(std::string_view name, double least, double most) const {
  return Ranged(Placed(AsNode(name).AsDouble(), name, Get(name)), least, most, name, Get(name));
}
Result<bool> Settings::Bool(std::string_view name) const {
  return Placed(AsNode(name).AsBool(), name, Get(name));
}
Result<Millis> Settings::Duration(std::string_view name) const {
  PODIUM_ASSIGN(auto ms, Placed(AsNode(name).AsMillis(), name, Get(name)));
  if (ms <= 0)
    return Fail(ErrorCode::kConfig,
                Get(name).origin + ": '" + std::string(name) + "' must be longer than nothing");
  return Millis(ms);
}
Result<std::uint64_t> Settings::Bytes(std::string_view name) const {
  return Placed(AsNode(name).AsBytes(), name, Get(name));
}

std::vector<std::string> Settings::List(std::string_view name) const {
  std::vector<std::string> out;
  for (auto part : Split(Get(name).value, ',')) {
    if (!Trim(part).empty()) out.emplace_back(Trim(part));
  }
  return out;
}

}  // namespace podium::harness
