#include "harness/replay/replay.h"

#include <set>

#include "base/files.h"
#include "base/foreign_folder.h"
#include "harness/plan/plan_record.h"
#include "harness/replay/prefix.h"
#include "harness/schedule/run.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

// Compares each node as it comes, and stops the run at the first that differs.
class Watcher final : public RunObserver {
 public:
  Watcher(const RecordedTrial& recorded, StopSource& stop,
          const std::function<void(std::string_view)>& progress)
      : recorded_(recorded), stop_(stop), progress_(progress) {}

  void OnMessage(std::string_view text) override { progress_(text); }
  void OnTrialPhase(const TrialId&, std::string_view phase) override { progress_(phase); }
  void OnNode(const TrialId&, const records::SearchNode& node) override {
    auto at = static_cast<std::size_t>(node.id);
    if (at >= recorded_.view.nodes.size()) return;
    if (CompareNodes(recorded_.view.nodes[at], node)) stop_.Raise(StopLevel::kStopping);
  }
  void OnTrialEnd(const TrialView&) override {}

 private:
  const RecordedTrial& recorded_;
  StopSource& stop_;
  const std::function<void(std::string_view)>& progress_;
};

Status CopyRecord(const fs::path& from, const fs::path& to) {
  std::error_code ec;
  if (!fs::exists(from, ec)) return {};
  PODIUM_TRY(MakeDirs(to));
  PODIUM_ASSIGN(auto folder, ForeignFolder::Open(from));
  PODIUM_ASSIGN(auto entries, folder.List());
  for (const auto& entry : entries) {
    if (entry.folder) continue;
    fs::create_hard_link(from / entry.name, to / entry.name, ec);
    if (ec) PODIUM_TRY(CopyFileAtomic(from / entry.name, to / entry.name));
  }
  return {};
}

// The run's folder for the one trial: what the record's run says of plan and lock, and the models'
// answers.
Status LayOut(const RecordedTrial& recorded, const records::RunPlan& plan, const fs::path& dir) {
  std::error_code ec;
  if (fs::exists(dir, ec))
    return Fail(ErrorCode::kConfig, dir.string() + " exists already: name a folder that does not");
  PODIUM_TRY(MakeDirs(dir / "sandboxes"));
  PODIUM_TRY(WriteFileAtomic(dir / "plan.json", records::ToText(plan)));
  records::RunLock lock = recorded.lock;
  lock.trials = plan.trials;
  PODIUM_TRY(WriteFileAtomic(dir / "lock.json", records::ToText(lock)));
  PODIUM_ASSIGN(auto run, ForeignFolder::Open(recorded.at.run_dir));
  PODIUM_ASSIGN(auto yaml, run.Read("run.yaml", 16 << 20));
  PODIUM_TRY(WriteFileAtomic(dir / "run.yaml", yaml));
  fs::path trial = RunFolder{dir}.TrialDir(recorded.at.id);
  if (recorded.view.forked) PODIUM_TRY(BeginWithNodesOf(recorded, *recorded.view.forked, trial));
  return CopyRecord(recorded.record_dir(), trial / "llm");
}

records::RunPlan FromRecord(const RecordedTrial& recorded) {
  records::RunPlan plan = recorded.plan;
  for (auto* settings : {&plan.settings, &plan.agents.front().settings}) {
    (*settings)["gateway.mode"] = {"replay", "flag", "podium replay"};
    (*settings)["retries.infrastructure"] = {"0", "flag", "podium replay"};
    (*settings)["keep.layers"] = {"none", "flag", "podium replay"};
    settings->erase("jobs");
    for (const char* name : {"usd", "tokens", "gpu_hours", "wall"})
      settings->erase(std::string("run.budget.") + name);
  }
  return plan;
}

void NoteBuilds(const RecordedTrial& recorded, const records::RunLock& lock, ReplayResult& out) {
  if (lock.builds.size() > recorded.lock.builds.size())
    out.notes.emplace_back("this build of Podium is another than those that worked on the run");
  if (out.checked.unchecked > 0)
    out.notes.push_back(std::to_string(out.checked.unchecked) +
                        " answers of models have no digest in the journal (an older Podium's), so "
                        "that a change of them would show in what follows from them alone");
  if (recorded.view.attempts > 1 && recorded.view.nodes.empty())
    out.notes.emplace_back(
        "the trial was interrupted and begun anew; its last attempt is compared");
}

int Replayed(const std::vector<JournalLine>& lines) {
  std::set<std::string> out;
  for (const auto& line : lines) {
    const auto* call = std::get_if<records::ModelCall>(&line.event);
    if (call && call->replayed) out.insert(call->digest);
  }
  return static_cast<int>(out.size());
}

Status Compare(const RecordedTrial& recorded, const fs::path& dir, ReplayResult& out) {
  fs::path trial = RunFolder{dir}.TrialDir(recorded.at.id);
  TrialView now = ReadTrial(trial, recorded.at.id, SystemClock());
  PODIUM_ASSIGN(auto lines, ReadJournal(trial / "journal.jsonl"));
  out.nodes = static_cast<int>(now.nodes.size());
  out.requests = Replayed(lines);
  out.divergence = CompareTrials(recorded, lines, now);
  if (now.verdict) out.grade = now.verdict->grade.verdict;
  if (now.verdict || out.divergence) return {};
  return Fail(ErrorCode::kUnavailable, "the trial could not be done again: " + now.failure);
}

}  // namespace

Result<ReplayResult> ReplayTrial(const FoundTrial& trial, const ReplayOptions& options) {
  PODIUM_ASSIGN(auto recorded, ReadRecordedTrial(trial));
  ReplayResult out{.trial = trial.id, .run_dir = trial.run_dir};
  options.progress("checking the record");
  PODIUM_ASSIGN(out.checked, CheckRecord(recorded));
  records::RunPlan record = FromRecord(recorded);
  PODIUM_TRY(LayOut(recorded, record, options.into));
  PODIUM_ASSIGN(auto plan, PlanFromRecord(record));
  plan.dir = options.into;
  const AgentPlan& agent = *plan.agents.front();
  if (agent.chooses() || agent.asks_model())
    plan.trials.front().recorded = std::make_shared<const agents::RecordedRun>(TimesOf(recorded));
  StopSource stop;
  Watcher watcher(recorded, stop, options.progress);
  PODIUM_TRY(ExecuteRun(plan, watcher, &stop));
  PODIUM_TRY(Compare(recorded, options.into, out));
  PODIUM_ASSIGN(auto text, ReadFile(options.into / "lock.json", 64 << 20));
  PODIUM_ASSIGN(auto lock, records::ParseRunLock(text, "lock.json"));
  NoteBuilds(recorded, lock, out);
  std::error_code ec;
  if (out.equal() && !options.keep)
    fs::remove_all(options.into, ec);
  else
    out.kept = options.into;
  return out;
}

}  // namespace podium::harness
