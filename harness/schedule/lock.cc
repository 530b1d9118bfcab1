#include "harness/schedule/lock.h"

#include <sys/utsname.h>

#include <set>
#include <thread>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/json.h"
#include "base/yaml.h"
#include "harness/plan/plan_record.h"
#include "harness/plan/settings.h"
#include "harness/schedule/machine.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

// What a model was and what its tokens cost; where it is served may change.
Json ModelLock(const agents::Model& model) {
  return {{"upstream_name", model.upstream_name},
          {"input_usd", model.prices.input.Text()},
          {"cached_input_usd", model.prices.cached_input.Text()},
          {"cache_write_usd", model.prices.cache_write.Text()},
          {"output_usd", model.prices.output.Text()}};
}

// Whose package a task was: a package of the user's own may bear the name of one of Podium's.
Json PackageLock(const tasks::TaskPackage& task) {
  Json out = {{"title", task.title}, {"board", task.leaderboard.header}};
  auto shipped = tasks::FindTask(task.id.str());
  out["own"] = !shipped || shipped->digest != task.digest;
  if (out["own"]) out["folder"] = fs::absolute(task.dir).lexically_normal().string();
  return out;
}

Json HostLock() {
  utsname host{};
  ::uname(&host);
  return {{"kernel", host.release},
          {"machine", host.machine},
          {"cores", std::thread::hardware_concurrency()},
          {"memory_bytes", TotalMemory()}};
}

// The programs that make the results: another build may grade otherwise.
Result<Json> BuildLock() {
  Json out = {{"version", PODIUM_VERSION}};
  for (const char* name : {"podium", "podium-grade", "podium-init"}) {
    fs::path file =
        std::string_view(name) == "podium" ? fs::path("/proc/self/exe") : ProgramDir() / name;
    PODIUM_ASSIGN(auto digest, DigestFile(file));
    out[name] = digest.hex();
  }
  return out;
}

// What may not change while a run goes on; `trials` is what ReadRun lists.
Result<Json> MakeLock(const RunPlan& plan, const RunContext& context) {
  Json lock = {{"schema", "podium-lock/1"},
               {"podium", PODIUM_VERSION},
               {"name", plan.name},
               {"config", PlanYaml(plan, false)}};
  lock["image"] = {{"name", plan.image}, {"digest", context.image_digest}};
  lock["sandbox"] = plan.backend;
  for (const auto& [id, prepared] : context.prepared)
    lock["tasks"][id.str()] = prepared.task_digest.hex();
  for (const auto& task : plan.tasks) lock["packages"][task->id.str()] = PackageLock(*task);
  for (const auto& agent : plan.agents) {
    Json settings = Json::object();
    for (const auto& [name, setting] : agent->settings.all()) {
      if (!ChoosesTrials(name)) settings[name] = setting.value;
    }
    lock["agents"][agent->id.str()] = {
        {"scaffold", agent->scaffold->name}, {"proposer", agent->proposer}, {"settings", settings}};
    if (const auto& files = agent->configured.files)
      lock["agents"][agent->id.str()]["files"] = files->hex();
    for (const auto& model : agent->gateway.models)
      lock["agents"][agent->id.str()]["models"][model.id] = ModelLock(model);
    if (const auto& native = agent->gateway.native)
      lock["agents"][agent->id.str()]["models"][native->id] = ModelLock(*native);
  }
  lock["trials"] = Json::array();
  for (const auto& t : plan.trials) {
    lock["trials"].push_back(
        {{"task", t.id.task.str()}, {"agent", t.id.agent.str()}, {"seed", t.id.seed}});
  }
  lock["host"] = HostLock();
  PODIUM_ASSIGN(auto build, BuildLock());
  lock["builds"] = Json::array({build});
  return lock;
}

// What both locks speak of and say differently: results of such runs could not stand in one table.
std::string Differences(const Json& before, const Json& now) {
  std::string out;
  auto compare = [&](const std::string& what, const Json& a, const Json& b) {
    if (a != b) out += "\n  " + what + ": " + DumpJson(Json::diff(a, b)).substr(0, 400);
  };
  for (const char* key : {"image", "sandbox"})
    compare(key, before.value(key, Json()), now.value(key, Json()));
  for (const char* key : {"tasks", "agents"}) {
    Json old = before.value(key, Json::object()), fresh = now.value(key, Json::object());
    for (const auto& [id, value] : fresh.items()) {
      if (old.contains(id)) compare(std::string(key) + " " + id, old[id], value);
    }
  }
  return out;
}

// The run with everything that either lock names: a run grows by agents, tasks and seeds.
Json Union(const Json& before, Json now) {
  for (const char* key : {"tasks", "agents", "packages"}) {
    Json old = before.value(key, Json::object());
    for (const auto& [id, value] : old.items()) now[key].emplace(id, value);
  }
  for (const char* key : {"trials", "builds"}) {
    Json both = before.value(key, Json::array());
    std::set<Json> there(both.begin(), both.end());
    for (const auto& item : now[key]) {
      if (there.insert(item).second) both.push_back(item);
    }
    now[key] = std::move(both);
  }
  return now;
}

// Two processes may grow one run at once; each reads and writes lock.json alone.
Result<FileLock> LockFolder(const fs::path& dir) {
  for (Deadline deadline = Deadline::In(kRunFolderTime); !deadline.expired();) {
    PODIUM_ASSIGN(auto lock, FileLock::TryTake(dir / ".lock"));
    if (lock) return std::move(*lock);
    std::this_thread::sleep_for(kRunFolderPoll);
  }
  return Fail(ErrorCode::kTimeout, "another process holds " + (dir / ".lock").string());
}

// The settings of the run as both commands together ask for them: run.yaml names every task, agent
// and seed that the run holds, whichever command added it.
Result<std::string> GrownYaml(const RunPlan& plan, const ForeignFolder& run) {
  std::string now = PlanYaml(plan, true);
  PODIUM_ASSIGN(bool there, run.Has("run.yaml"));
  if (!there) return now;
  PODIUM_ASSIGN(auto text, run.Read("run.yaml", 16 << 20));
  PODIUM_ASSIGN(auto root, ParseYaml(text, (run.path() / "run.yaml").string()));
  Settings before;
  static constexpr std::string_view kAlso[] = {"schema"};
  PODIUM_TRY(before.ApplyYaml(root, kAlso));
  PODIUM_ASSIGN(auto grown, plan.settings.GrownFrom(before));
  return PlanYaml(plan, grown, true);
}

// The plan of all commands that the run grew by. Runs of older Podiums have none yet.
Result<records::RunPlan> GrownPlan(const RunPlan& plan, const ForeignFolder& run) {
  records::RunPlan now = ToRecord(plan);
  PODIUM_ASSIGN(bool there, run.Has("plan.json"));
  if (!there) return now;
  PODIUM_ASSIGN(auto text, run.Read("plan.json", 64 << 20));
  PODIUM_ASSIGN(auto before, records::ParseRunPlan(text, (run.path() / "plan.json").string()));
  return records::Grown(std::move(before), now);
}

Status WriteBoards(const ForeignFolder& run, const RunContext& context) {
  PODIUM_ASSIGN(auto boards, run.MakeFolder("boards"));
  for (const auto& [id, prepared] : context.prepared) {
    if (prepared.board_file.empty()) continue;  // a task with medal lines alone
    PODIUM_ASSIGN(auto board, ReadFile(prepared.board_file, 64 << 20));
    PODIUM_TRY(WriteFileAtomic(boards.path() / (id.str() + ".csv"), board));
  }
  return {};
}

// The lock that the folder should hold from now on, or why the plan cannot go into it.
Result<Json> MergedLock(const RunPlan& plan, const RunContext& context, const ForeignFolder& run) {
  PODIUM_ASSIGN(Json lock, MakeLock(plan, context));
  PODIUM_ASSIGN(bool there, run.Has("lock.json"));
  if (!there) return lock;
  PODIUM_ASSIGN(auto text, run.Read("lock.json", 64 << 20));
  PODIUM_ASSIGN(Json before, ParseJson(text, (run.path() / "lock.json").string()));
  std::string differences = Differences(before, lock);
  if (differences.empty()) return Union(before, lock);
  return Fail(ErrorCode::kConfig,
              "run '" + plan.name + "' exists in " + run.path().string() +
                  " with another configuration; its results would not be comparable:" +
                  differences + "\nGive another --name, or remove that folder.");
}

}  // namespace

namespace {

// Who goes on with a run from its folder changes nothing of it but that another build may have
// worked on it.
Status NoteBuild(const ForeignFolder& run) {
  PODIUM_ASSIGN(auto text, run.Read("lock.json", 64 << 20));
  PODIUM_ASSIGN(Json lock, ParseJson(text, (run.path() / "lock.json").string()));
  PODIUM_ASSIGN(auto build, BuildLock());
  Json now = {{"builds", Json::array({build})}};
  Json both = Union(lock, now);
  if (both["builds"] == lock.value("builds", Json())) return {};
  lock["builds"] = both["builds"];
  return WriteFileAtomic(run.path() / "lock.json", DumpJson(lock, 2) + "\n");
}

}  // namespace

Result<RunPlan> ReadPlan(const fs::path& run_dir) {
  PODIUM_ASSIGN(auto run, ForeignFolder::Open(run_dir));
  auto text = run.Read("plan.json", 64 << 20);
  if (!text && text.error().code == ErrorCode::kNotFound)
    return Fail(ErrorCode::kNotFound,
                "run " + run_dir.string() +
                    " has no plan.json: it was made by an older Podium. Give the command again by "
                    "which it was begun.");
  if (!text) return tl::unexpected(text.error());
  PODIUM_ASSIGN(auto record, records::ParseRunPlan(*text, (run_dir / "plan.json").string()));
  PODIUM_ASSIGN(auto plan, PlanFromRecord(record));
  plan.dir = run_dir;
  return plan;
}

Status OpenRunFolder(const RunPlan& plan, const RunContext& context) {
  const fs::path& dir = context.folder.dir;
  PODIUM_TRY(MakeDirs(dir));
  PODIUM_ASSIGN(auto run, ForeignFolder::Open(dir));
  PODIUM_TRY(run.Has("podium.log"));  // a link is an error
  PODIUM_ASSIGN(auto alone, LockFolder(dir));
  if (plan.from_folder) return NoteBuild(run);
  PODIUM_ASSIGN(Json lock, MergedLock(plan, context, run));
  PODIUM_ASSIGN(auto yaml, GrownYaml(plan, run));
  PODIUM_TRY(run.MakeFolder("sandboxes"));
  PODIUM_TRY(WriteBoards(run, context));
  PODIUM_TRY(WriteFileAtomic(dir / "run.yaml", yaml));
  PODIUM_ASSIGN(auto whole, GrownPlan(plan, run));
  PODIUM_TRY(WriteFileAtomic(dir / "plan.json", records::ToText(whole)));
  return WriteFileAtomic(dir / "lock.json", DumpJson(lock, 2) + "\n");
}

}  // namespace podium::harness
