// What people ask of a run while it is worked on, and what they allow after its end.
#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>

#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/plan/plan.h"
#include "harness/schedule/lock.h"
#include "harness/schedule/retry.h"
#include "harness/store/control.h"
#include "harness/store/find_trial.h"
#include "harness/store/run_folder.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
using records::Hold;

struct Asked {
  std::string run;
  std::vector<std::string> trials, sets;
  std::string only = "infrastructure_exhausted", why;
  std::int64_t priority = 0;
  int jobs = 0;
  bool json = false;
};

// The trials that the words name: "task/agent/s0", or a part of that as "task" or "task/agent".
Result<std::vector<std::string>> Named(const fs::path& run_dir,
                                       const std::vector<std::string>& words) {
  PODIUM_ASSIGN(auto all, TrialNames(run_dir));
  std::vector<std::string> out;
  for (const auto& word : words) {
    auto before = out.size();
    for (const auto& trial : all) {
      bool below = trial.starts_with(word + "/") ||
                   ("/" + trial).find("/" + word + "/") != std::string::npos;
      if (trial == word || below) out.push_back(trial);
    }
    if (out.size() == before)
      return Fail(ErrorCode::kNotFound, "run '" + run_dir.filename().string() + "' has no trial '" +
                                            word + "'." + Suggest(word, all));
  }
  return out;
}

std::string Count(std::size_t n) { return std::to_string(n) + (n == 1 ? " trial" : " trials"); }

// Whether somebody hears it now, and how soon.
std::string HeardBy(const fs::path& run_dir) {
  auto workers = WorkersOf(run_dir, SystemClock());
  if (workers.empty()) return "No process works on the run now; it holds for the next that does.\n";
  return "Heard within a second by " + Join(workers, ", ") + ".\n";
}

Result<Exit> DoHold(const Asked& asked, Hold hold) {
  PODIUM_ASSIGN(auto dir, FindRun(asked.run));
  PODIUM_ASSIGN(auto trials, Named(dir, asked.trials));
  PODIUM_TRY(ChangeControl(dir, [&](RunControl& control) {
    if (asked.trials.empty()) control.run = hold;
    for (const auto& trial : trials) control.trials[trial] = hold;
  }));
  std::cout << (asked.trials.empty() ? "Run " + dir.filename().string() : Count(trials.size()))
            << " " << records::HoldText(hold) << ". " << HeardBy(dir) << "Undo it: podium resume "
            << dir.filename().string() << "\n";
  return Exit::kOk;
}

Result<Exit> DoDrain(const Asked& asked) {
  PODIUM_ASSIGN(auto dir, FindRun(asked.run));
  auto workers = WorkersOf(dir, SystemClock());
  if (workers.empty()) {
    std::cout << "No process works on run " << dir.filename().string() << ": nothing to drain.\n";
    return Exit::kOk;
  }
  PODIUM_TRY(ChangeControl(dir, [](RunControl& control) { control.drained = control.number + 1; }));
  std::cout << "Told " << Join(workers, ", ")
            << ": the steps in flight end, nothing begins. `podium resume "
            << dir.filename().string() << "` goes on.\n";
  return Exit::kOk;
}

// NAME=VALUE of what may change while a run is worked on.
Result<std::optional<std::int64_t>> JobsFrom(const std::string& set) {
  std::string value = set.starts_with("jobs=") ? set.substr(5) : "";
  if (value == "plan") return std::optional<std::int64_t>();
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error == std::errc() && end == value.data() + value.size() && number >= 1 && number <= 10'000)
    return std::optional(number);
  return Fail(ErrorCode::kUsage,
              "what can change while a run is worked on is jobs=N (1 to 10000) "
              "or jobs=plan (as it was planned); found '" +
                  set + "'");
}

Result<Exit> DoSet(const Asked& asked) {
  PODIUM_ASSIGN(auto dir, FindRun(asked.run));
  for (const auto& set : asked.sets) {
    PODIUM_ASSIGN(auto jobs, JobsFrom(set));
    PODIUM_TRY(ChangeControl(dir, [&](RunControl& control) { control.jobs = jobs; }));
  }
  std::cout << HeardBy(dir);
  return Exit::kOk;
}

Result<Exit> DoPriority(const Asked& asked) {
  PODIUM_ASSIGN(auto dir, FindRun(asked.run));
  PODIUM_ASSIGN(auto trials, Named(dir, asked.trials));
  PODIUM_TRY(ChangeControl(dir, [&](RunControl& control) {
    for (const auto& trial : trials) control.priority[trial] = asked.priority;
  }));
  std::cout << Count(trials.size()) << " with priority " << asked.priority << ". " << HeardBy(dir);
  return Exit::kOk;
}

Result<Exit> GoOn(const fs::path& dir, bool json, const std::string& program) {
  PODIUM_ASSIGN(auto plan, ReadPlan(dir));
  return ExecutePlan(plan, json, program);
}

// Nothing holds the run, or these trials of it, any more; who works on it goes on, else this
// process does.
Result<Exit> DoResume(const Asked& asked, const std::string& program) {
  PODIUM_ASSIGN(auto dir, FindRun(asked.run));
  PODIUM_ASSIGN(auto trials, Named(dir, asked.trials));
  PODIUM_ASSIGN(auto control, ReadControl(dir));
  if (!trials.empty() && control.run != Hold::kNone)
    return Fail(ErrorCode::kUsage,
                "the run itself is " + std::string(records::HoldText(control.run)) +
                    ": `podium resume " + dir.filename().string() + "` lets all of it go");
  bool held = control.run != Hold::kNone || !control.trials.empty();
  if (held)
    PODIUM_TRY(ChangeControl(dir, [&](RunControl& c) {
      for (const auto& trial : trials) c.trials.erase(trial);
      if (asked.trials.empty()) c.trials.clear();
      c.run = Hold::kNone;
    }));
  auto workers = WorkersOf(dir, SystemClock());
  if (!held || workers.empty()) return GoOn(dir, asked.json, program);
  std::cout << "Nothing holds it any more. " << HeardBy(dir);
  return Exit::kOk;
}

Result<Exit> DoWork(const Asked& asked, const std::string& program) {
  PODIUM_ASSIGN(auto dir, FindRun(asked.run));
  PODIUM_ASSIGN(auto plan, ReadPlan(dir));
  plan.until_all_ended = true;
  if (asked.jobs > 0) plan.jobs = asked.jobs;
  return ExecutePlan(plan, asked.json, program);
}

Result<Exit> DoRetry(const Asked& asked, const std::string& program) {
  PODIUM_ASSIGN(auto dir, FindRun(asked.run));
  PODIUM_ASSIGN(auto trials, Named(dir, asked.trials));
  PODIUM_ASSIGN(auto only, records::ParseOutcome(asked.only));
  PODIUM_ASSIGN(int allowed, AllowRetries(dir, trials, only, asked.why));
  if (allowed == 0) {
    std::cout << "No trial of run " << dir.filename().string() << " ended " << asked.only << ".\n";
    return Exit::kOk;
  }
  std::cerr << Count(static_cast<std::size_t>(allowed)) << " may be tried again.\n";
  return GoOn(dir, asked.json, program);
}

}  // namespace

void AddControlVerbs(CLI::App& app, Exit& exit, const std::string& program) {
  auto asked = std::make_shared<Asked>();
  auto verb = [&](const char* name, const char* help, bool with_trials, auto function) {
    auto* sub = app.add_subcommand(name, help);
    sub->add_option("run", asked->run, "Name or folder of the run; the newest when left out");
    if (with_trials)
      sub->add_option("trials", asked->trials,
                      "Trials (TASK/AGENT/sN), or a task or an agent for all of its; the whole run "
                      "when left out");
    sub->callback(Wrap(exit, std::move(function)));
    return sub;
  };
  verb("pause", "Hold a run or trials: steps in flight end, nothing begins until `resume`", true,
       [asked] { return DoHold(*asked, Hold::kPaused); });
  verb("cancel", "Stop a run or trials now, and begin them no more until `resume`", true,
       [asked] { return DoHold(*asked, Hold::kCancelled); });
  verb("drain", "End the processes that work on a run, as one Ctrl-C does", false,
       [asked] { return DoDrain(*asked); });
  verb("resume",
       "Go on with a run from its folder alone, and undo `pause` and `cancel`: its plan.json names "
       "all it needs",
       true, [asked, program] { return DoResume(*asked, program); })
      ->add_flag("--json", asked->json, "Print JSON (podium-summary/1)");
  auto* worker =
      verb("worker",
           "Work on a run beside others, here or on any host that sees its folder, until "
           "every trial has ended",
           false, [asked, program] { return DoWork(*asked, program); });
  worker->add_option("--join", asked->run, "The same as RUN");
  worker->add_option("--jobs", asked->jobs, "Trials at once here; else as the run was planned")
      ->check(CLI::Range(1, 10'000));
  worker->add_flag("--json", asked->json, "Print JSON (podium-summary/1)");
  auto* set = app.add_subcommand("set", "Change what may change while a run is worked on: jobs=N");
  set->add_option("run", asked->run, "Name or folder of the run")->required();
  set->add_option("settings", asked->sets, "jobs=N, or jobs=plan")->required();
  set->callback(Wrap(exit, [asked] { return DoSet(*asked); }));
  auto* priority = app.add_subcommand("priority", "Let trials begin before others, or after them");
  priority->add_option("run", asked->run, "Name or folder of the run")->required();
  priority->add_option("number", asked->priority, "Higher ones begin first; 0 is usual")
      ->required();
  priority->add_option("trials", asked->trials, "Trials, tasks or agents")->required();
  priority->callback(Wrap(exit, [asked] { return DoPriority(*asked); }));
  auto* retry =
      verb("retry", "Allow more attempts where infrastructure failed a trial too often, and go on",
           true, [asked, program] { return DoRetry(*asked, program); });
  retry->add_option("--only", asked->only, "The outcome: infrastructure_exhausted");
  retry->add_option("--why", asked->why, "What was mended; the history keeps it");
  retry->add_flag("--json", asked->json, "Print JSON (podium-summary/1)");
}

}  // namespace podium::harness
