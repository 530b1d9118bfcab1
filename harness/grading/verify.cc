#include "harness/grading/verify.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "agents/registry.h"
#include "base/deadlines.h"
#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/json.h"
#include "base/text.h"
#include "base/yaml.h"
#include "harness/grading/grading.h"
#include "harness/plan/settings.h"
#include "harness/store/history.h"
#include "harness/store/journal.h"
#include "sandbox/images/intact.h"
#include "tasks/prepare.h"
#include "tasks/suite.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

// The tasks of a run as they are here, with their data; or why one is not at hand.
class TaskShelf {
 public:
  TaskShelf(const RunView& run, const std::vector<std::string>& packages,
            std::function<void(std::string_view)> progress)
      : progress_(std::move(progress)) {
    for (const auto& dir : packages) Offer(dir.find('/') == std::string::npos ? dir + "/" : dir);
    OfferConfigured(run.config_yaml);
  }

  struct Entry {
    tasks::TaskPackage package;
    tasks::PreparedTask prepared;
  };
  // Podium's own package where it is the one that the run locked; else what the command line names,
  // and only then what the run says of itself.
  Result<const Entry*> Find(const TaskId& id, const std::string& locked) {
    if (auto it = ready_.find(id); it != ready_.end()) return it->second.get();
    auto offered = offered_.find(id);
    bool own = offered != offered_.end() && !IsShipped(id, locked);
    auto package = own ? tasks::LoadTask(offered->second) : tasks::FindTask(id.str());
    if (!package) return tl::unexpected(package.error());
    PODIUM_ASSIGN(auto prepared,
                  tasks::Prepare(*package, CacheDir(), progress_, Deadline::In(kPrepareTime)));
    auto entry = std::make_unique<Entry>(Entry{std::move(*package), std::move(prepared)});
    return (ready_[id] = std::move(entry)).get();
  }

  // Whether this Podium ships the task with this digest.
  static bool IsShipped(const TaskId& id, const std::string& locked) {
    auto shipped = tasks::FindTask(id.str());
    return shipped && shipped->digest.hex() == locked;
  }

 private:
  void Offer(const std::string& dir) {
    if (auto task = tasks::FindTask(dir)) offered_.emplace(task->id, task->dir);
  }
  // Packages of the user's own are named in run.yaml by their folders.
  void OfferConfigured(const std::string& yaml) {
    auto root = ParseYaml(yaml, "run.yaml");
    Settings settings;
    static constexpr std::string_view kAlso[] = {"schema"};
    if (!root || !settings.ApplyYaml(*root, kAlso)) return;
    for (const auto& name : settings.List("tasks")) {
      if (name.find('/') != std::string::npos) Offer(name);
    }
  }

  std::function<void(std::string_view)> progress_;
  std::map<TaskId, fs::path> offered_;
  std::map<TaskId, std::unique_ptr<Entry>> ready_;
};

class Verifier {
 public:
  Verifier(RunView run, TaskShelf shelf, std::function<void(std::string_view)> progress)
      : run_(std::move(run)), shelf_(std::move(shelf)), progress_(std::move(progress)) {}

  Result<Verification> Verify() {
    out_.run = run_.name;
    ReadHistory();
    for (const auto& trial : run_.trials) {
      progress_(trial.id.str());
      out_.trials.push_back(Check(trial));
    }
    CheckImage();
    std::size_t builds = run_.lock.builds.size();
    if (builds > 1)
      out_.flags.push_back("several_builds: " + std::to_string(builds) +
                           " builds of Podium worked on this run (lock.json has their digests)");
    auto open = std::ranges::count_if(run_.trials, [](const auto& t) { return !t.verdict; });
    if (open > 0)
      out_.flags.push_back("incomplete: " + std::to_string(open) + " of " +
                           std::to_string(run_.trials.size()) + " trials have no verdict");
    for (auto& flag : HistoryFlags(history_, run_)) {
      if (flag.trial.empty() || !FlagTrial(flag.trial, flag.text)) out_.flags.push_back(flag.text);
    }
    return std::move(out_);
  }

 private:
  void ReadHistory() {
    auto lines = harness::ReadHistory(run_.dir);
    if (!lines) {
      out_.problems.push_back(lines.error().message);
      return;
    }
    history_ = std::move(*lines);
    if (history_.empty() &&
        std::ranges::any_of(run_.trials, [](const auto& t) { return t.attempts > 0 || t.verdict; }))
      out_.problems.push_back("the history of " + run_.dir.string() + " is missing");
  }

  // The run's image, where it is still here, holds what its digest says.
  void CheckImage() {
    const std::string& digest = run_.lock.image.digest;
    auto image = sandbox::FindImage(run_.lock.image.name, CacheDir());
    if (digest.empty() || !image || image->digest != digest) return;
    if (auto intact = sandbox::CheckIntact(*image); !intact)
      out_.problems.push_back(intact.error().message);
  }

  bool FlagTrial(const std::string& trial, const std::string& text) {
    for (auto& check : out_.trials) {
      if (check.id.str() != trial) continue;
      check.flags.push_back(text);
      return true;
    }
    return false;
  }

  TrialCheck Check(const TrialView& trial) {
    TrialCheck check;
    check.id = trial.id;
    check.state = trial.state;
    for (const auto& e : history_) {
      if (e.trial != trial.id.str()) continue;
      check.attempts += e.event == "attempt";
      check.gradings += e.event == "graded";
    }
    auto journal = ReadJournal(trial.dir / "journal.jsonl");
    if (!journal && trial.state != "pending") check.problems.push_back(journal.error().message);
    if (!journal) journal = std::vector<JournalLine>();
    FlagAttempts(*journal, trial.attempts, check);
    if (const auto& from = trial.forked)
      check.flags.push_back("forked: its first " + std::to_string(from->step) +
                            (trial.nodes.empty() ? " steps" : " nodes") + " are those of " +
                            Printable(from->trial) + " of run " + Printable(from->run) +
                            ", chosen after that trial was graded");
    if (!trial.verdict) return check;
    check.verdict = trial.verdict->grade.verdict;
    check.score = trial.verdict->grade.score;
    const auto* sealed = LastOf<records::Sealed>(*journal);
    for (auto& problem : GradingProblems(history_, trial))
      check.problems.push_back(std::move(problem));
    CheckSeal(sealed ? *sealed : records::Sealed{.agent = {.end = ""}}, *trial.verdict, check);
    CheckIsolation(trial, check);
    CheckGrade(trial, sealed, check);
    return check;
  }

  // An attempt without a verdict is another try for the agent, whoever was to blame.
  static void FlagAttempts(const std::vector<JournalLine>& lines, int attempts, TrialCheck& check) {
    int failed = 0, cut = 0;
    bool open = false;
    std::string last;
    for (const auto& line : lines) {
      if (std::holds_alternative<records::Attempt>(line.event)) cut += std::exchange(open, true);
      if (std::holds_alternative<records::Paused>(line.event) ||
          std::holds_alternative<records::Sealed>(line.event))
        open = false;
      const auto* failure = std::get_if<records::Failed>(&line.event);
      if (!failure) continue;
      ++failed;
      open = false;
      last = failure->message;
    }
    if (failed + cut == 0) return;
    check.flags.push_back("repeated: worked on " + std::to_string(attempts) + " times; " +
                          std::to_string(failed) + " attempts failed without a verdict, " +
                          std::to_string(cut) + " were cut off" +
                          (last.empty() ? "" : "; the last failure: " + last.substr(0, 200)));
  }

  static void CheckSeal(const records::Sealed& sealed, const TrialVerdict& verdict,
                        TrialCheck& check) {
    auto compare = [&](const char* part, bool same) {
      if (!same)
        check.problems.push_back(std::string("the verdict's '") + part +
                                 "' is not what the journal sealed");
    };
    compare("agent", sealed.agent == verdict.agent);
    compare("isolation", sealed.isolation == verdict.isolation);
    compare("validations", sealed.validations == verdict.validations);
    compare("models", sealed.models == verdict.models);
  }

  void CheckIsolation(const TrialView& trial, TrialCheck& check) const {
    auto agent = run_.lock.agents.find(trial.id.agent.str());
    const auto* known =
        agent == run_.lock.agents.end() ? nullptr : agents::FindScaffold(agent->second.scaffold);
    if (known && known->hands_in == agents::HandsIn::kAnswers)
      check.flags.emplace_back("knows_answers: the oracle hands in the task's own answers");
    const auto& isolation = trial.verdict->isolation;
    if (!isolation) return;
    const std::string& backend = isolation->backend;
    if (backend == "unsafe-local")
      check.problems.emplace_back("unsafe-local isolates nothing: such results are not comparable");
    const auto& open = isolation->not_enforced;
    if (!open.empty() && backend != "unsafe-local")
      check.flags.push_back("not_enforced: " + Join(open, ", "));
    if (trial.verdict->image != run_.lock.image.digest)
      check.problems.emplace_back("the verdict names another image than lock.json");
  }

  void CheckGrade(const TrialView& trial, const records::Sealed* sealed, TrialCheck& check) {
    const std::string name = sealed ? sealed->file : "submission.csv";
    if (name.find('/') != std::string::npos || !IsNameBeneath(name)) {
      check.problems.push_back("the journal names no file of the submission's folder: '" +
                               Printable(name) + "'");
      return;
    }
    if (trial.verdict->grade.verdict == "scored") {
      auto folder = ForeignFolder::Open(trial.dir / "submission");
      auto digest = folder ? folder->DigestOf(name) : tl::unexpected(folder.error());
      if (!digest || digest->hex() != trial.verdict->grade.submission_sha256) {
        check.problems.push_back(name + " is not what was graded: its digest differs");
        return;
      }
    }
    auto task_lock = run_.lock.tasks.find(trial.id.task.str());
    std::string locked = task_lock == run_.lock.tasks.end() ? "" : task_lock->second;
    FlagOwnPackage(trial.id.task, locked, check);
    auto task = shelf_.Find(trial.id.task, locked);
    if (!task) {
      check.flags.push_back("not_regraded: the task is not here: " + task.error().message +
                            " (--task FOLDER names its package)");
      return;
    }
    std::string digest = (*task)->prepared.task_digest.hex();
    if (locked != digest) {
      check.flags.emplace_back(
          "not_regraded: the task here is another version than the one in lock.json");
      return;
    }
    Regrade(trial, **task, sealed ? *sealed : records::Sealed{}, check);
  }

  // A package of the author's own may bear any name, and have any answers and any board.
  void FlagOwnPackage(const TaskId& id, const std::string& locked, TrialCheck& check) const {
    if (TaskShelf::IsShipped(id, locked)) return;
    auto note = run_.tasks.find(id);
    std::string folder = note == run_.tasks.end() ? "" : Printable(note->second.folder);
    check.flags.push_back("own_task_package: '" + id.str() +
                          "' was no package of this Podium: digest " + locked.substr(0, 16) +
                          (folder.empty() ? "" : ", made from " + folder));
  }

  static void Regrade(const TrialView& trial, const TaskShelf::Entry& task,
                      const records::Sealed& sealed, TrialCheck& check) {
    GradeJob job{.task = &task.package,
                 .prepared = &task.prepared,
                 .hand_over = sealed.hand_over,
                 .submission = {}};
    if (sealed.hand_over.status == records::HandOverStatus::kOk)
      job.submission = trial.dir / "submission" / sealed.file;
    auto fresh = Grade(job, Deadline::In(kGradingTime));
    if (!fresh) {
      check.problems.push_back("grading again failed: " + fresh.error().message);
      return;
    }
    std::string now = records::ToText(*fresh), claimed = records::ToText(trial.verdict->grade);
    check.regraded = now == claimed;
    if (check.regraded) return;
    auto a = ParseJson(claimed, "record"), b = ParseJson(now, "record");
    std::string text = a && b ? DumpJson(Json::diff(*a, *b)).substr(0, 300) : "";
    check.problems.push_back("grading the submission again gives another record: " + text);
  }

  RunView run_;
  TaskShelf shelf_;
  std::function<void(std::string_view)> progress_;
  std::vector<HistoryLine> history_;
  Verification out_;
};

}  // namespace

bool Verification::ok() const {
  return problems.empty() &&
         std::ranges::all_of(trials, [](const auto& t) { return t.problems.empty(); });
}

Result<Verification> VerifyRun(const fs::path& run_dir, const std::vector<std::string>& packages,
                               const std::function<void(std::string_view)>& progress,
                               const Clock& clock) {
  PODIUM_ASSIGN(auto run, ReadRun(run_dir, clock));
  TaskShelf shelf(run, packages, progress);
  return Verifier(std::move(run), std::move(shelf), progress).Verify();
}

}  // namespace podium::harness
