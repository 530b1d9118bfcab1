#include "harness/replay/recorded_trial.h"

#include <algorithm>
#include <set>

#include "agents/models/record_store.h"
#include "agents/operators/operator.h"
#include "base/foreign_folder.h"
#include "base/text.h"
#include "harness/store/history.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestProgram = 64 << 20;

// The plan of one trial of those that a run's plan has.
Result<records::RunPlan> PlanOf(const ForeignFolder& run, const TrialId& id) {
  auto text = run.Read("plan.json", 64 << 20);
  if (!text && text.error().code == ErrorCode::kNotFound)
    return Fail(ErrorCode::kNotFound, "run " + run.path().string() +
                                          " has no plan.json: it was made by an older Podium, and "
                                          "what its trials got is not known");
  if (!text) return tl::unexpected(text.error());
  PODIUM_ASSIGN(auto plan, records::ParseRunPlan(*text, (run.path() / "plan.json").string()));
  std::erase_if(plan.trials, [&](const auto& t) {
    return t.task != id.task.str() || t.agent != id.agent.str() || t.seed != id.seed;
  });
  std::erase_if(plan.tasks, [&](const auto& t) { return t.id != id.task.str(); });
  std::erase_if(plan.agents, [&](const auto& a) { return a.id != id.agent.str(); });
  if (!plan.trials.empty() && !plan.tasks.empty() && !plan.agents.empty()) return plan;
  return Fail(ErrorCode::kIo, (run.path() / "plan.json").string() + " does not name " + id.str());
}

Status CheckHistory(const RecordedTrial& trial) {
  PODIUM_ASSIGN(auto history, ReadHistory(trial.at.run_dir));
  auto problems = GradingProblems(history, trial.view);
  if (problems.empty()) return {};
  return Fail(ErrorCode::kDigest, trial.view.dir.string() + ": " + Join(problems, "; "));
}

// The programs' files say what the journal does.
Status CheckPrograms(const RecordedTrial& trial) {
  auto folder = ForeignFolder::Open(trial.view.dir / "code");
  for (const auto& node : trial.view.nodes) {
    if (node.code.empty() || node.end.empty()) continue;
    std::string name = "node_" + std::to_string(node.id) + ".py";
    auto text = folder ? folder->Read(name, kLargestProgram) : tl::unexpected(folder.error());
    if (text && *text == node.code) continue;
    return Fail(ErrorCode::kDigest, (trial.view.dir / "code" / name).string() +
                                        " is not the program that the journal has: " +
                                        (text ? "its text differs" : text.error().message));
  }
  return {};
}

Result<RecordCheck> CheckAnswers(const RecordedTrial& trial) {
  agents::RecordStore store(trial.record_dir());
  RecordCheck out;
  std::set<std::string> seen;
  for (const auto& line : trial.lines) {
    const auto* call = std::get_if<records::ModelCall>(&line.event);
    if (!call || call->end != "ok" || !seen.insert(call->digest).second) continue;
    ++(call->answer.empty() ? out.unchecked : out.answers);
    if (!call->answer.empty()) PODIUM_TRY(store.Check(call->digest, call->answer));
  }
  return out;
}

// How many nodes had ended when it was chosen. Where one comes after the other: all before it.
int SeenBy(const std::vector<JournalLine>& lines, const records::SearchNode& node) {
  int seen = node.id;
  for (const auto& line : lines) {
    const auto* begun = std::get_if<records::Begun>(&line.event);
    if (begun && begun->step == node.step) seen = std::min(begun->seen, node.id);
  }
  return seen;
}

void AddTools(const std::vector<JournalLine>& lines, agents::RecordedRun& out) {
  for (const auto& use : StepsOf(lines)) {
    out.steps.push_back(
        {.left = use.left, .ran = use.wall, .cut = use.end == "time_limit", .jobs = use.jobs});
    out.nodes = out.searched = static_cast<int>(out.steps.size());
  }
  std::map<int, Millis> most;
  for (const auto& job : LastAttempts<records::JobStarted>(lines)) most[job.job] = job.most;
  for (const auto& job : LastAttempts<records::JobEnded>(lines)) {
    if (job.end == "time_limit") out.cut_jobs[job.job] = most[job.job];
  }
}

}  // namespace

Result<RecordedTrial> ReadRecordedTrial(const FoundTrial& at) {
  RecordedTrial out{.at = at};
  PODIUM_ASSIGN(auto run, ForeignFolder::Open(at.run_dir));
  PODIUM_ASSIGN(auto lock, run.Read("lock.json", 64 << 20));
  PODIUM_ASSIGN(out.lock, records::ParseRunLock(lock, (at.run_dir / "lock.json").string()));
  PODIUM_ASSIGN(out.plan, PlanOf(run, at.id));
  fs::path dir = RunFolder{at.run_dir}.TrialDir(at.id);
  PODIUM_ASSIGN(auto folder, run.Folder(RunFolder::NameOf(at.id)));
  PODIUM_ASSIGN(out.lines, ReadJournal(folder));
  out.view = ReadTrial(dir, at.id, SystemClock());
  if (out.view.verdict) return out;
  return Fail(ErrorCode::kNotFound, at.id.str() + " has no verdict (" + out.view.state +
                                        "): only a trial that ended can be done again");
}

Result<RecordCheck> CheckRecord(const RecordedTrial& trial) {
  PODIUM_TRY(CheckHistory(trial));
  PODIUM_TRY(CheckPrograms(trial));
  return CheckAnswers(trial);
}

agents::RecordedRun TimesOf(const RecordedTrial& trial) {
  agents::RecordedRun out;
  Millis wall = trial.plan.cells.empty() ? Millis(0) : trial.plan.cells.front().wall;
  for (const auto& cell : trial.plan.cells) {
    if (cell.task == trial.at.id.task.str() && cell.agent == trial.at.id.agent.str())
      wall = cell.wall;
  }
  const auto& nodes = trial.view.nodes;
  out.nodes = static_cast<int>(nodes.size());
  bool joined = !nodes.empty() && nodes.back().op == agents::kEnsemble;
  out.searched = out.nodes - (joined ? 1 : 0);
  for (const auto& node : trial.view.nodes) {
    auto at = static_cast<std::size_t>(node.step);
    if (out.steps.size() <= at) out.steps.resize(at + 1);
    int seen = SeenBy(trial.lines, node);
    Millis begun =
        seen == 0 ? Millis(0) : trial.view.node_times[static_cast<std::size_t>(seen) - 1];
    out.steps[at] = {.left = std::max(Millis(0), wall - begun),
                     .ran = node.exec_wall,
                     .cut = node.end == "time_limit",
                     .seen = seen,
                     .id = node.id};
  }
  AddTools(trial.lines, out);
  const std::string& end = trial.view.verdict->agent.end;
  if (end == "time_limit" || end == "model_budget") out.end = end;
  return out;
}

}  // namespace podium::harness
