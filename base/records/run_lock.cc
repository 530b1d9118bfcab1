#include "base/records/run_lock.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/json.h"
#include "base/records/schema.h"

namespace podium::records {
namespace {

constexpr std::string_view kKind = "podium-lock";
constexpr std::size_t kShownOfADifference = 400;  // bytes

Json ToJson(const LockedImage& image) { return {{"name", image.name}, {"digest", image.digest}}; }

Json ToJson(const LockedPackage& p) {
  Json out = {{"title", p.title}, {"board", p.board}, {"own", p.own}};
  if (!p.folder.empty()) out["folder"] = p.folder;
  return out;
}

Json ToJson(const LockedModel& m) {
  return {{"upstream_name", m.upstream_name},
          {"input_usd", m.input_usd},
          {"cached_input_usd", m.cached_input_usd},
          {"cache_write_usd", m.cache_write_usd},
          {"output_usd", m.output_usd}};
}

Json ToJson(const LockedAgent& a) {
  Json out = {{"scaffold", a.scaffold}, {"proposer", a.proposer}, {"settings", a.settings}};
  if (!a.files.empty()) out["files"] = a.files;
  for (const auto& [id, model] : a.models) out["models"][id] = ToJson(model);
  return out;
}

Json ToJson(const LockedHost& h) {
  return {{"kernel", h.kernel},
          {"machine", h.machine},
          {"cores", h.cores},
          {"memory_bytes", h.memory_bytes}};
}

Json ToJson(const LockedBuild& b) {
  Json out = b.programs;
  out["version"] = b.version;
  return out;
}

Json ToJson(const PlanTrial& t) { return {{"task", t.task}, {"agent", t.agent}, {"seed", t.seed}}; }

LockedPackage PackageFrom(const Json& json) {
  return {JsonOr<std::string>(json, "title", ""), JsonOr<std::string>(json, "board", ""),
          JsonOr(json, "own", false), JsonOr<std::string>(json, "folder", "")};
}

LockedModel ModelFrom(const Json& json) {
  return {JsonOr<std::string>(json, "upstream_name", ""),
          JsonOr<std::string>(json, "input_usd", ""),
          JsonOr<std::string>(json, "cached_input_usd", ""),
          JsonOr<std::string>(json, "cache_write_usd", ""),
          JsonOr<std::string>(json, "output_usd", "")};
}

LockedBuild BuildFrom(const Json& json) {
  LockedBuild out;
  if (!json.is_object()) return out;
  for (const auto& [name, value] : json.items()) {
    if (!value.is_string()) continue;
    (name == "version" ? out.version : out.programs[name]) = value.get<std::string>();
  }
  return out;
}

PlanTrial TrialFrom(const Json& json) {
  return {JsonOr<std::string>(json, "task", ""), JsonOr<std::string>(json, "agent", ""),
          JsonOr<std::int64_t>(json, "seed", 0)};
}

// The member's items, which are none where it is missing. They stay in `json`.
Result<const Json*> Within(const Json& json, const char* key, bool list, std::string_view where) {
  static const Json none = Json::object();
  auto it = json.find(key);
  if (it == json.end() || it->is_null()) return &none;
  if (list ? it->is_array() : it->is_object()) return &*it;
  return Fail(ErrorCode::kIo, std::string(where) + ": '" + key + "' is no " +
                                  (list ? std::string("list") : std::string("object")));
}

Result<LockedAgent> AgentFrom(const Json& json, std::string_view where) {
  LockedAgent out;
  out.scaffold = JsonOr<std::string>(json, "scaffold", "");
  out.proposer = JsonOr<std::string>(json, "proposer", "");
  out.files = JsonOr<std::string>(json, "files", "");
  PODIUM_ASSIGN(const Json* settings, Within(json, "settings", false, where));
  for (const auto& [name, value] : settings->items()) {
    if (value.is_string()) out.settings[name] = value.get<std::string>();
  }
  PODIUM_ASSIGN(const Json* models, Within(json, "models", false, where));
  for (const auto& [id, model] : models->items()) out.models[id] = ModelFrom(model);
  return out;
}

Status ReadTasks(const Json& json, RunLock& out, std::string_view where) {
  PODIUM_ASSIGN(const Json* tasks, Within(json, "tasks", false, where));
  for (const auto& [id, digest] : tasks->items()) {
    if (digest.is_string()) out.tasks[id] = digest.get<std::string>();
  }
  PODIUM_ASSIGN(const Json* packages, Within(json, "packages", false, where));
  for (const auto& [id, package] : packages->items()) out.packages[id] = PackageFrom(package);
  return {};
}

Status ReadAgents(const Json& json, RunLock& out, std::string_view where) {
  PODIUM_ASSIGN(const Json* agents, Within(json, "agents", false, where));
  for (const auto& [id, agent] : agents->items()) {
    PODIUM_ASSIGN(const Json* whole, Within(*agents, id.c_str(), false, where));
    PODIUM_ASSIGN(out.agents[id], AgentFrom(*whole, where));
  }
  return {};
}

// A line where two values differ, as a patch of the first.
void Compare(std::string& out, const std::string& what, const Json& before, const Json& now) {
  if (before == now) return;
  out += "\n  " + what + ": " + DumpJson(Json::diff(before, now)).substr(0, kShownOfADifference);
}

}  // namespace

std::string ToText(const RunLock& lock) {
  Json out = {{"schema", std::string(kKind) + "/1"},
              {"podium", lock.podium},
              {"name", lock.name},
              {"config", lock.config},
              {"sandbox", lock.sandbox},
              {"image", ToJson(lock.image)},
              {"host", ToJson(lock.host)},
              {"trials", Json::array()},
              {"builds", Json::array()}};
  for (const auto& [id, digest] : lock.tasks) out["tasks"][id] = digest;
  for (const auto& [id, package] : lock.packages) out["packages"][id] = ToJson(package);
  for (const auto& [id, agent] : lock.agents) out["agents"][id] = ToJson(agent);
  for (const auto& trial : lock.trials) out["trials"].push_back(ToJson(trial));
  for (const auto& build : lock.builds) out["builds"].push_back(ToJson(build));
  return DumpJson(out, 2) + "\n";
}

Result<RunLock> ParseRunLock(std::string_view text, std::string_view where) {
  PODIUM_ASSIGN(Json json, ParseJson(text, where));
  if (!json.is_object()) return Fail(ErrorCode::kIo, std::string(where) + ": no JSON object");
  auto schema = JsonOr<std::string>(json, "schema", "");
  if (!schema.empty()) PODIUM_TRY(SchemaNumber(schema, kKind, 1, where));
  RunLock out;
  out.podium = JsonOr<std::string>(json, "podium", "");
  out.name = JsonOr<std::string>(json, "name", "");
  out.config = JsonOr<std::string>(json, "config", "");
  out.sandbox = JsonOr<std::string>(json, "sandbox", "");
  PODIUM_ASSIGN(const Json* image, Within(json, "image", false, where));
  out.image = {JsonOr<std::string>(*image, "name", ""), JsonOr<std::string>(*image, "digest", "")};
  PODIUM_ASSIGN(const Json* host, Within(json, "host", false, where));
  out.host = {JsonOr<std::string>(*host, "kernel", ""), JsonOr<std::string>(*host, "machine", ""),
              JsonOr<std::int64_t>(*host, "cores", 0),
              JsonOr<std::uint64_t>(*host, "memory_bytes", 0)};
  PODIUM_TRY(ReadTasks(json, out, where));
  PODIUM_TRY(ReadAgents(json, out, where));
  PODIUM_ASSIGN(const Json* trials, Within(json, "trials", true, where));
  for (const auto& trial : *trials) out.trials.push_back(TrialFrom(trial));
  PODIUM_ASSIGN(const Json* builds, Within(json, "builds", true, where));
  for (const auto& build : *builds) out.builds.push_back(BuildFrom(build));
  return out;
}

std::string Differences(const RunLock& before, const RunLock& now) {
  std::string out;
  Compare(out, "image", ToJson(before.image), ToJson(now.image));
  Compare(out, "sandbox", before.sandbox, now.sandbox);
  for (const auto& [id, digest] : now.tasks) {
    auto old = before.tasks.find(id);
    if (old != before.tasks.end()) Compare(out, "tasks " + id, old->second, digest);
  }
  for (const auto& [id, agent] : now.agents) {
    auto old = before.agents.find(id);
    if (old != before.agents.end())
      Compare(out, "agents " + id, ToJson(old->second), ToJson(agent));
  }
  return out;
}

RunLock Grown(RunLock before, RunLock now) {
  now.tasks.merge(before.tasks);
  now.packages.merge(before.packages);
  now.agents.merge(before.agents);
  std::set<PlanTrial> there(before.trials.begin(), before.trials.end());
  for (auto& trial : now.trials) {
    if (there.insert(trial).second) before.trials.push_back(std::move(trial));
  }
  now.trials = std::move(before.trials);
  for (auto& build : now.builds) {
    if (std::ranges::find(before.builds, build) == before.builds.end())
      before.builds.push_back(std::move(build));
  }
  now.builds = std::move(before.builds);
  return now;
}

}  // namespace podium::records
