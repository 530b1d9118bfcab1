#include "harness/schedule/lock.h"

#include <sys/utsname.h>

#include <algorithm>
#include <thread>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/records/run_lock.h"
#include "base/yaml.h"
#include "harness/plan/machine.h"
#include "harness/plan/plan_record.h"
#include "harness/plan/settings.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

// Prices that nobody knows are empty.
records::LockedModel Locked(const agents::Model& model) {
  records::LockedModel out{.upstream_name = model.upstream_name};
  if (!model.prices) return out;
  out.input_usd = model.prices->input.Text();
  out.cached_input_usd = model.prices->cached_input.Text();
  out.cache_write_usd = model.prices->cache_write.Text();
  out.output_usd = model.prices->output.Text();
  return out;
}

records::LockedPackage Locked(const tasks::TaskPackage& task) {
  records::LockedPackage out{.title = task.title, .board = task.leaderboard.header};
  auto shipped = tasks::FindTask(task.id.str());
  out.own = !shipped || shipped->digest != task.digest;
  if (out.own) out.folder = fs::absolute(task.dir).lexically_normal().string();
  return out;
}

records::LockedAgent Locked(const AgentPlan& agent) {
  records::LockedAgent out{.scaffold = agent.scaffold->name, .proposer = agent.proposer};
  for (const auto& [name, setting] : agent.settings.all()) {
    if (!ChoosesTrials(name)) out.settings[name] = setting.value;
  }
  if (const auto& files = agent.configured.files) out.files = files->hex();
  for (const auto& model : agent.gateway.models) out.models[model.id] = Locked(model);
  if (const auto& native = agent.gateway.native) out.models[native->id] = Locked(*native);
  for (const auto& model : agent.gateway.roles) out.models[model.id] = Locked(model);
  return out;
}

records::LockedHost ThisHost() {
  utsname host{};
  ::uname(&host);
  return {.kernel = host.release,
          .machine = host.machine,
          .cores = std::thread::hardware_concurrency(),
          .memory_bytes = TotalMemory()};
}

Result<records::LockedBuild> ThisBuild() {
  records::LockedBuild out{.version = PODIUM_VERSION};
  for (const char* name : {"podium", "podium-grade", "podium-init"}) {
    fs::path file =
        std::string_view(name) == "podium" ? fs::path("/proc/self/exe") : ProgramDir() / name;
    PODIUM_ASSIGN(auto digest, DigestFile(file));
    out.programs[name] = digest.hex();
  }
  return out;
}

Result<records::RunLock> MakeLock(const RunPlan& plan, const RunContext& context) {
  records::RunLock lock{.podium = PODIUM_VERSION,
                        .name = plan.name,
                        .config = PlanYaml(plan, false),
                        .sandbox = plan.backend,
                        .image = {plan.image, context.image_digest},
                        .host = ThisHost()};
  for (const auto& [id, prepared] : context.prepared)
    lock.tasks[id.str()] = prepared.task_digest.hex();
  for (const auto& task : plan.tasks) lock.packages[task->id.str()] = Locked(*task);
  for (const auto& agent : plan.agents) lock.agents[agent->id.str()] = Locked(*agent);
  for (const auto& t : plan.trials)
    lock.trials.push_back({t.id.task.str(), t.id.agent.str(), t.id.seed});
  PODIUM_ASSIGN(auto build, ThisBuild());
  lock.builds.push_back(std::move(build));
  return lock;
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

Result<records::RunLock> ReadLock(const ForeignFolder& run) {
  PODIUM_ASSIGN(auto text, run.Read("lock.json", 64 << 20));
  return records::ParseRunLock(text, (run.path() / "lock.json").string());
}

Status WriteLock(const ForeignFolder& run, const records::RunLock& lock) {
  return WriteFileAtomic(run.path() / "lock.json", records::ToText(lock));
}

// The lock that the folder should hold from now on, or why the plan cannot go into it.
Result<records::RunLock> MergedLock(const RunPlan& plan, const RunContext& context,
                                    const ForeignFolder& run) {
  PODIUM_ASSIGN(auto lock, MakeLock(plan, context));
  PODIUM_ASSIGN(bool there, run.Has("lock.json"));
  if (!there) return lock;
  PODIUM_ASSIGN(auto before, ReadLock(run));
  std::string differences = records::Differences(before, lock);
  if (differences.empty()) return records::Grown(std::move(before), std::move(lock));
  return Fail(ErrorCode::kConfig,
              "run '" + plan.name + "' exists in " + run.path().string() +
                  " with another configuration; its results would not be comparable:" +
                  differences + "\nGive another --name, or remove that folder.");
}

// Who goes on with a run from its folder changes nothing of it but that another build may have
// worked on it.
Status NoteBuild(const ForeignFolder& run, const RunContext& context) {
  PODIUM_ASSIGN(auto lock, ReadLock(run));
  if (context.backend && lock.image.digest != context.image_digest)
    return Fail(ErrorCode::kDigest,
                "image '" + lock.image.name + "' here is another than the run's: its digest is " +
                    context.image_digest.substr(0, 16) + ", the run's lock.json has " +
                    lock.image.digest.substr(0, 16) + "; its trials could not be compared");
  PODIUM_ASSIGN(auto build, ThisBuild());
  if (std::ranges::find(lock.builds, build) != lock.builds.end()) return {};
  lock.builds.push_back(std::move(build));
  return WriteLock(run, lock);
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
  if (plan.from_folder) return NoteBuild(run, context);
  PODIUM_ASSIGN(auto lock, MergedLock(plan, context, run));
  PODIUM_ASSIGN(auto yaml, GrownYaml(plan, run));
  PODIUM_TRY(run.MakeFolder("sandboxes"));
  PODIUM_TRY(WriteBoards(run, context));
  PODIUM_TRY(WriteFileAtomic(dir / "run.yaml", yaml));
  PODIUM_ASSIGN(auto whole, GrownPlan(plan, run));
  PODIUM_TRY(WriteFileAtomic(dir / "plan.json", records::ToText(whole)));
  return WriteLock(run, lock);
}

}  // namespace podium::harness
