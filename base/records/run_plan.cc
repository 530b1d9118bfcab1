#include "base/records/run_plan.h"

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/records/schema.h"

namespace podium::records {
namespace {

constexpr std::string_view kKind = "podium-plan";

OrderedJson ToJson(const PlanSettings& settings) {
  OrderedJson out = OrderedJson::object();
  for (const auto& [name, s] : settings)
    out[name] = {{"value", s.value}, {"layer", s.layer}, {"origin", s.origin}};
  return out;
}

OrderedJson ToJson(const PlanCell& c) {
  return {{"task", c.task},
          {"agent", c.agent},
          {"wall_ms", c.wall.count()},
          {"exec_ms", c.exec.count()},
          {"cpus", c.cpus},
          {"memory_bytes", c.memory_bytes},
          {"disk_bytes", c.disk_bytes},
          {"inodes", c.inodes},
          {"shm_bytes", c.shm_bytes},
          {"tmp_bytes", c.tmp_bytes},
          {"pids", c.pids}};
}

Result<PlanSettings> SettingsFrom(const Json& json) {
  PlanSettings out;
  for (const auto& [name, s] : json.items()) {
    PlanSetting& setting = out[name];
    PODIUM_ASSIGN(setting.value, JsonGet<std::string>(s, "value"));
    PODIUM_ASSIGN(setting.layer, JsonGet<std::string>(s, "layer"));
    setting.origin = JsonOr<std::string>(s, "origin", "");
  }
  return out;
}

Result<PlanTask> TaskFrom(const Json& json) {
  PlanTask out;
  PODIUM_ASSIGN(out.id, JsonGet<std::string>(json, "id"));
  PODIUM_ASSIGN(out.digest, JsonGet<std::string>(json, "digest"));
  out.folder = JsonOr<std::string>(json, "folder", "");
  return out;
}

Result<PlanAgent> AgentFrom(const Json& json) {
  PlanAgent out;
  PODIUM_ASSIGN(out.id, JsonGet<std::string>(json, "id"));
  PODIUM_ASSIGN(out.scaffold, JsonGet<std::string>(json, "scaffold"));
  out.proposer = JsonOr<std::string>(json, "proposer", "");
  out.files = JsonOr<std::string>(json, "files", "");
  PODIUM_ASSIGN(out.settings, SettingsFrom(json.value("settings", Json::object())));
  out.cell = JsonOr<std::map<std::string, std::string>>(json, "cell", {});
  return out;
}

OrderedJson ToJson(const PlanAgent& a) {
  OrderedJson out = {{"id", a.id},
                     {"scaffold", a.scaffold},
                     {"proposer", a.proposer},
                     {"files", a.files},
                     {"settings", ToJson(a.settings)}};
  if (!a.cell.empty()) out["cell"] = a.cell;
  return out;
}

Result<PlanCell> CellFrom(const Json& json) {
  PlanCell out;
  PODIUM_ASSIGN(out.task, JsonGet<std::string>(json, "task"));
  PODIUM_ASSIGN(out.agent, JsonGet<std::string>(json, "agent"));
  PODIUM_ASSIGN(auto wall, JsonGet<std::int64_t>(json, "wall_ms"));
  PODIUM_ASSIGN(auto exec, JsonGet<std::int64_t>(json, "exec_ms"));
  out.wall = Millis(wall);
  out.exec = Millis(exec);
  PODIUM_ASSIGN(out.cpus, JsonGet<double>(json, "cpus"));
  PODIUM_ASSIGN(out.memory_bytes, JsonGet<std::uint64_t>(json, "memory_bytes"));
  PODIUM_ASSIGN(out.disk_bytes, JsonGet<std::uint64_t>(json, "disk_bytes"));
  PODIUM_ASSIGN(out.inodes, JsonGet<std::uint64_t>(json, "inodes"));
  PODIUM_ASSIGN(out.shm_bytes, JsonGet<std::uint64_t>(json, "shm_bytes"));
  PODIUM_ASSIGN(out.tmp_bytes, JsonGet<std::uint64_t>(json, "tmp_bytes"));
  PODIUM_ASSIGN(out.pids, JsonGet<std::int64_t>(json, "pids"));
  return out;
}

// ["task", "agent", seed]: there may be ten thousand.
Result<PlanTrial> TrialFrom(const Json& json) {
  bool fits = json.is_array() && json.size() == 3 && json[0].is_string() && json[1].is_string() &&
              json[2].is_number_integer();
  if (!fits) return Fail(ErrorCode::kIo, "a trial of the plan is [task, agent, seed]");
  return PlanTrial{json[0].get<std::string>(), json[1].get<std::string>(),
                   json[2].get<std::int64_t>()};
}

template <class T, class From>
Status ReadList(const Json& json, const char* key, std::vector<T>& out, From from) {
  PODIUM_ASSIGN(auto list, JsonGet<Json>(json, key));
  for (const auto& item : list) {
    PODIUM_ASSIGN(auto value, from(item));
    out.push_back(std::move(value));
  }
  return {};
}

// Replaces what has the same key, and adds what has not.
template <class T, class Key>
void Merge(std::vector<T>& into, const std::vector<T>& now, Key key) {
  for (const auto& item : now) {
    auto same = std::ranges::find_if(into, [&](const T& t) { return key(t) == key(item); });
    if (same == into.end())
      into.push_back(item);
    else
      *same = item;
  }
}

}  // namespace

std::string ToText(const RunPlan& p) {
  OrderedJson out = {{"schema", std::string(kKind) + "/1"},
                     {"name", p.name},
                     {"image", p.image},
                     {"sandbox", p.sandbox},
                     {"allow_unenforced", p.allow_unenforced},
                     {"settings", ToJson(p.settings)}};
  for (const char* key : {"tasks", "agents", "cells"}) out[key] = OrderedJson::array();
  for (const auto& t : p.tasks)
    out["tasks"].push_back({{"id", t.id}, {"digest", t.digest}, {"folder", t.folder}});
  for (const auto& a : p.agents) out["agents"].push_back(ToJson(a));
  for (const auto& c : p.cells) out["cells"].push_back(ToJson(c));
  // A line a trial.
  std::string text = DumpJson(out, 2);
  text.resize(text.rfind('}'));
  while (text.back() == '\n' || text.back() == ' ') text.pop_back();
  text += ",\n  \"trials\": [";
  std::string_view between = "\n    ";
  for (const auto& t : p.trials) {
    text.append(between) += DumpJson(Json::array({t.task, t.agent, t.seed}));
    between = ",\n    ";
  }
  return text + "\n  ]\n}\n";
}

Result<RunPlan> ParseRunPlan(std::string_view text, std::string_view where) {
  PODIUM_ASSIGN(Json json, ParseJson(text, where));
  PODIUM_ASSIGN(auto schema, JsonGet<std::string>(json, "schema"));
  PODIUM_TRY(SchemaNumber(schema, kKind, 1, where));
  RunPlan out;
  PODIUM_ASSIGN(out.name, JsonGet<std::string>(json, "name"));
  PODIUM_ASSIGN(out.image, JsonGet<std::string>(json, "image"));
  PODIUM_ASSIGN(out.sandbox, JsonGet<std::string>(json, "sandbox"));
  out.allow_unenforced = JsonOr(json, "allow_unenforced", false);
  PODIUM_ASSIGN(out.settings, SettingsFrom(json.value("settings", Json::object())));
  PODIUM_TRY(ReadList(json, "tasks", out.tasks, TaskFrom));
  PODIUM_TRY(ReadList(json, "agents", out.agents, AgentFrom));
  PODIUM_TRY(ReadList(json, "cells", out.cells, CellFrom));
  PODIUM_TRY(ReadList(json, "trials", out.trials, TrialFrom));
  return out;
}

RunPlan Grown(RunPlan before, const RunPlan& now) {
  RunPlan out = now;
  out.tasks = std::move(before.tasks);
  out.agents = std::move(before.agents);
  out.cells = std::move(before.cells);
  out.trials = std::move(before.trials);
  Merge(out.tasks, now.tasks, [](const PlanTask& t) { return t.id; });
  Merge(out.agents, now.agents, [](const PlanAgent& a) { return a.id; });
  Merge(out.cells, now.cells, [](const PlanCell& c) { return std::pair(c.task, c.agent); });
  std::set<PlanTrial> there(out.trials.begin(), out.trials.end());
  for (const auto& t : now.trials) {
    if (there.insert(t).second) out.trials.push_back(t);
  }
  return out;
}

}  // namespace podium::records
