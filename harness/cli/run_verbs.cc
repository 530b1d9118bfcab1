#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <set>

#include "base/file_in_pieces.h"
#include "base/files.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/cli/live_view.h"
#include "harness/cli/score_program.h"
#include "harness/plan/plan.h"
#include "harness/report/html.h"
#include "harness/report/plan_text.h"
#include "harness/report/summary.h"
#include "harness/report/table.h"
#include "harness/schedule/lock.h"
#include "harness/schedule/notify.h"
#include "harness/schedule/run.h"
#include "harness/schedule/slurm.h"
#include "harness/store/index.h"
#include "sandbox/host/rootless.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

struct RunOptions {
  std::string file;
  std::vector<std::string> tasks, agents, sets, vary;
  std::map<std::string, std::string> values;  // setting -> value, of the single flags
  bool print_config = false;
  bool dry_run = false;
  bool print_script = false;
  bool json = false;
};

// flag, setting
constexpr std::pair<const char*, const char*> kFlags[] = {
    {"--suite", "suite"},      {"--proposer", "proposer"},  {"--model", "model"},
    {"--seeds", "seeds"},      {"--jobs", "jobs"},          {"--name", "name"},
    {"--wall", "budget.wall"}, {"--nodes", "budget.nodes"}, {"--exec-limit", "budget.exec"},
    {"--image", "image"}};

// Of `run` alone.
constexpr std::pair<const char*, const char*> kExecutorFlag = {"--executor", "executor"};

Result<Settings> Resolve(const RunOptions& o) {
  Settings settings;
  if (!o.file.empty()) {
    std::error_code ec;
    if (!fs::exists(o.file, ec))
      return Fail(ErrorCode::kNotFound, "there is no run file '" + o.file +
                                            "'. Runs that ship with Podium are in configs/runs.");
    PODIUM_ASSIGN(auto root, ReadYaml(o.file));
    PODIUM_ASSIGN(auto map, YamlMap::From(root));
    PODIUM_ASSIGN(auto schema, map.String("schema"));
    if (schema != "podium-run/1")
      return root.Complain("schema must be podium-run/1, found '" + schema + "'");
    static constexpr std::string_view kAlso[] = {"schema"};
    PODIUM_TRY(settings.ApplyYaml(root, kAlso));
  }
  PODIUM_TRY(settings.ApplyEnvironment(environ));
  if (!o.tasks.empty()) {
    PODIUM_TRY(settings.Set("tasks", Join(o.tasks, ","), "--task"));
    PODIUM_TRY(settings.Set("suite", "", "--task"));
  }
  if (!o.agents.empty()) PODIUM_TRY(settings.Set("agents", Join(o.agents, ","), "--agent"));
  for (auto [flag, setting] : kFlags) {
    auto it = o.values.find(flag);
    if (it != o.values.end() && !it->second.empty())
      PODIUM_TRY(settings.Set(setting, it->second, flag));
  }
  auto executor = o.values.find(kExecutorFlag.first);
  if (executor != o.values.end() && !executor->second.empty())
    PODIUM_TRY(settings.Set(kExecutorFlag.second, executor->second, kExecutorFlag.first));
  for (const auto& item : o.sets) {
    std::size_t equals = item.find('=');
    if (equals == std::string::npos)
      return Fail(ErrorCode::kUsage, "--set takes NAME=VALUE, found '" + item + "'");
    PODIUM_TRY(settings.Set(item.substr(0, equals), item.substr(equals + 1),
                            "--set " + item.substr(0, equals)));
  }
  for (const auto& axis : o.vary) PODIUM_TRY(settings.Vary(axis, "--vary"));
  return settings;
}

Status WriteReport(const RunView& run) {
  return WriteFileInPieces(run.dir / "report.html",
                           [&run](const Sink& sink) { ReportHtml(run, sink); });
}

// Lays the run out and leaves the work to jobs of Slurm.
Result<Exit> Submit(const RunPlan& plan, const RunOptions& o) {
  PODIUM_ASSIGN(auto slurm, SlurmOf(plan));
  if (o.print_script) {
    std::cout << SlurmScript(slurm, plan.name, fs::absolute(plan.dir).lexically_normal(),
                             fs::read_symlink("/proc/self/exe"));
    return Exit::kOk;
  }
  PODIUM_TRY(sandbox::EnterRootless());
  {
    auto view = MakeLiveView(plan.trials.size(), o.json);
    PODIUM_TRY(LayOutRun(plan, *view));
  }
  PODIUM_ASSIGN(auto id, SubmitSlurm(slurm, plan));
  std::string dir = fs::absolute(plan.dir).lexically_normal().string();
  std::cout << "Job " << id << ": " << slurm.workers << " workers of run " << plan.name << " ("
            << plan.trials.size() << " trials).\nScript: " << dir
            << "/slurm/workers.sh\nNext:   podium watch " << plan.name << "\n";
  return Exit::kOk;
}

Result<Exit> DoRun(const RunOptions& o, const std::string& program) {
  PODIUM_ASSIGN(auto settings, Resolve(o));
  PODIUM_ASSIGN(auto plan, MakePlan(settings));
  if (o.print_config) {
    std::cout << PlanYaml(plan, true);
    return Exit::kOk;
  }
  if (o.dry_run) {
    std::cout << PlanText(plan);
    return Exit::kOk;
  }
  const Setting& executor = plan.settings.Get("executor");
  if (executor.value == "slurm") return Submit(plan, o);
  if (executor.value == "local") return ExecutePlan(plan, o.json, program);
  return Fail(ErrorCode::kUsage,
              executor.origin + ": executor is local or slurm, not '" + executor.value + "'");
}

Result<Exit> DoStatus(const std::string& name, bool json, const std::string& program) {
  PODIUM_ASSIGN(auto dir, FindRun(name));
  PODIUM_ASSIGN(auto run, ReadRun(dir, SystemClock()));
  if (json) {
    std::cout << SummaryJson(run) << "\n";
    return Exit::kOk;
  }
  TextTable table({"trial", "state", "attempts", "time", "nodes", "best validation", "last event"},
                  {false, false, true, true, true, true, false});
  for (const auto& t : run.trials) {
    std::optional<double> best;
    bool lower = t.verdict && t.verdict->grade.lower_is_better;
    for (const auto& n : t.nodes) {
      if (n.good() && n.score && (!best || (lower ? *n.score < *best : *n.score > *best)))
        best = n.score;
    }
    auto outcome = t.outcome();
    std::string state = outcome ? std::string(records::OutcomeText(*outcome)) : t.state;
    table.Add({t.id.str(), state, std::to_string(t.attempts), FormatDuration(t.active),
               std::to_string(t.nodes.size()), best ? FormatScore(*best) : "", t.last_event});
  }
  std::cout << "Run " << run.name << "\n\n" << table.Text() << "\n" << SummaryText(run, program);
  return Exit::kOk;
}

Result<Exit> DoReport(const std::string& name, bool json, const std::string& program) {
  PODIUM_ASSIGN(auto dir, FindRun(name));
  PODIUM_ASSIGN(auto run, ReadRun(dir, SystemClock()));
  PODIUM_TRY(WriteReport(run));
  PODIUM_TRY(WriteGradingReport(dir));
  if (json) {
    std::cout << SummaryJson(run) << "\n";
  } else {
    std::cout << SummaryText(run, program) << "Wrote:  " << (dir / "report.html").string()
              << "\n        " << (dir / "grading_report.json").string()
              << " (mle-bench's schema)\n";
  }
  return Exit::kOk;
}

Result<Exit> DoReindex(const std::string& name) {
  PODIUM_ASSIGN(auto dir, FindRun(name));
  PODIUM_ASSIGN(auto run, ReadRun(dir, SystemClock()));
  PODIUM_ASSIGN(auto index, Index::Open(dir));
  PODIUM_TRY(index.Rebuild(run.trials));
  std::cout << "Made " << (dir / "podium.db").string()
            << " anew from the files: " << run.trials.size() << " trials.\n";
  return Exit::kOk;
}

std::string SettingsHelp() {
  std::string out =
      "\nSettings (YAML keys; --set NAME=VALUE; PODIUM_NAME in the environment, '.' as '_'):\n";
  TextTable table({"  name", "default", "meaning"});
  for (const auto& s : KnownSettings()) table.Add({"  " + s.name, s.fallback, s.help});
  return out + table.Text() + "\nAgents: " + Join(ListAgents(), ", ") +
         "; or a scaffold: " + Join(agents::ScaffoldNames(), ", ") +
         ".\n"
         "Flags win over the environment, that over the file, that over the agent's file, that "
         "over defaults.\n";
}

// What says which trials there are and what each gets.
void AddPlanOptions(CLI::App& app, RunOptions& options) {
  auto* verb = &app;
  auto* o = &options;
  verb->add_option("file", o->file,
                   "A run file (podium-run/1), such as configs/runs/quickstart.yaml");
  verb->add_option("--task", o->tasks, "A task id; may be repeated")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--agent", o->agents, "An agent id or a scaffold; may be repeated")
      ->delimiter(',')
      ->allow_extra_args(false);
  for (auto [flag, setting] : kFlags) {
    std::string help;
    for (const auto& s : KnownSettings()) {
      if (s.name == setting) help = s.help;
    }
    verb->add_option(flag, o->values[flag], help);
  }
  verb->add_option("--set", o->sets, "Any setting, as NAME=VALUE; may be repeated")
      ->allow_extra_args(false);
  verb->add_option("--vary", o->vary,
                   "An axis of a matrix, as NAME=VALUE,VALUE: every agent with each value; may be "
                   "repeated")
      ->allow_extra_args(false);
}

}  // namespace

Result<Exit> ExecutePlan(const RunPlan& plan, bool json, const std::string& program) {
  PODIUM_TRY(sandbox::EnterRootless());
  RunSummary summary;
  {
    auto view = MakeLiveView(plan.trials.size(), json);
    PODIUM_ASSIGN(summary, ExecuteRun(plan, *view));
  }
  PODIUM_ASSIGN(auto run, ReadRun(summary.dir, SystemClock()));
  PODIUM_TRY(WriteGradingReport(summary.dir));
  PODIUM_TRY(WriteReport(run));
  Notify(plan.settings.Get("notify.command").value, NotifyEvent::kEnded, summary.dir,
         CountOutcomes(run).Text());
  if (json) {
    std::cout << SummaryJson(run) << "\n";
  } else {
    std::cout << "\n" << SummaryText(run, program);
  }
  if (summary.failed + summary.exhausted > 0 || !summary.host.empty()) return Exit::kInfrastructure;
  if (!summary.spent.empty())
    std::cerr << "podium: the run's budget is used up: " << summary.spent << "\n";
  if (summary.paused + summary.elsewhere > 0) return Exit::kUnfinished;
  return Exit::kOk;
}

void AddRunVerbs(CLI::App& app, Exit& exit, const std::string& program) {
  auto* run = app.add_subcommand("run", "Run agents on tasks; the same command again continues");
  auto o = std::make_shared<RunOptions>();
  AddPlanOptions(*run, *o);
  run->add_flag("--print-config", o->print_config,
                "Show every setting and where its value came from, then stop");
  run->add_flag("--dry-run", o->dry_run, "Show the trials and what they may use, then stop");
  run->add_option("--executor", o->values["--executor"],
                  "Who works on it: local (this process) or slurm (an array of workers)");
  run->add_flag("--print-script", o->print_script,
                "With --executor slurm: show the workers' batch script, then stop");
  run->add_flag("--json", o->json,
                "Print the summary as JSON on standard output (progress goes to standard error)");
  run->footer([] { return SettingsHelp(); });
  run->callback(Wrap(exit, [o, program] { return DoRun(*o, program); }));

  auto* plan = app.add_subcommand(
      "plan", "What a run would do and cost at most: trials, time, money, GPU-hours, disk");
  AddPlanOptions(*plan, *o);
  plan->callback(Wrap(exit, [o, program] {
    o->dry_run = true;
    return DoRun(*o, program);
  }));

  auto name = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  auto verb = [&](const char* verb_name, const char* help, bool with_json, auto function) {
    auto* sub = app.add_subcommand(verb_name, help);
    sub->add_option("run", *name, "Name or folder of the run; the newest when left out");
    if (with_json) sub->add_flag("--json", *json, "Print JSON (podium-summary/1)");
    sub->callback(Wrap(exit, std::move(function)));
  };
  verb("status", "Where a run stands", true,
       [name, json, program] { return DoStatus(*name, *json, program); });
  verb("report", "Write a run's report.html and grading_report.json", true,
       [name, json, program] { return DoReport(*name, *json, program); });
  verb("reindex", "Make a run's SQLite index anew from its files", false,
       [name] { return DoReindex(*name); });
}

}  // namespace podium::harness
