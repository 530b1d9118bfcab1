#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/replay/fork.h"
#include "harness/replay/replay.h"
#include "sandbox/host/rootless.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

struct ReplayVerb {
  std::string trial, into;
  bool keep = false, json = false;
};

struct ForkVerb {
  std::string trial, name, model;
  std::vector<std::string> sets;
  int at_step = 0;
  bool json = false;
};

std::string ReplayJson(const ReplayResult& r) {
  Json out = {{"schema", "podium-replay/1"},
              {"run", r.run_dir.filename().string()},
              {"trial", r.trial.str()},
              {"equal", r.equal()},
              {"nodes", r.nodes},
              {"requests", r.requests},
              {"answers_checked", r.checked.answers},
              {"grade", r.grade.empty() ? Json() : Json(r.grade)},
              {"divergence", Json()},
              {"notes", r.notes},
              {"kept", r.kept.empty() ? Json() : Json(r.kept.string())}};
  if (const auto& d = r.divergence)
    out["divergence"] = {
        {"where", d->where}, {"recorded", d->recorded}, {"now", d->now}, {"meaning", d->meaning}};
  return DumpJson(out, 2) + "\n";
}

void Print(const ReplayResult& r) {
  std::cout << r.trial.str() << " of run " << r.run_dir.filename().string() << ": " << r.nodes
            << (r.nodes == 1 ? " node" : " nodes") << " done again, " << r.requests
            << (r.requests == 1 ? " answer" : " answers") << " of models from the record\n";
  for (const auto& note : r.notes) std::cout << "Note: " << note << "\n";
  if (!r.kept.empty())
    std::cout << "The trial as it was done again is in " << r.kept.string() << "\n";
  if (r.equal()) {
    std::cout << "Equal: requests, programs, submission, grade (" << r.grade << ") and journal.\n";
  } else {
    std::cout << "NOT EQUAL: it " << r.divergence->Text() << "\n";
  }
}

fs::path IntoOf(const FoundTrial& trial) {
  std::string name = trial.run_dir.filename().string() + "-" + trial.id.task.str() + "-" +
                     trial.id.agent.str() + "-s" + std::to_string(trial.id.seed);
  return RunsDir() / "replays" / (name + "-" + std::to_string(::getpid()));
}

Result<Exit> Replay(const ReplayVerb& o) {
  PODIUM_ASSIGN(auto trial, FindTrial(o.trial));
  PODIUM_TRY(sandbox::EnterRootless());
  bool watched = ::isatty(STDERR_FILENO) == 1;
  ReplayOptions options{.into = o.into.empty() ? IntoOf(trial) : fs::path(o.into), .keep = o.keep};
  options.progress = [watched](std::string_view text) {
    if (watched) std::cerr << "\r\x1b[K" << text << " ..." << std::flush;
  };
  auto result = ReplayTrial(trial, options);
  if (watched) std::cerr << "\r\x1b[K" << std::flush;
  if (!result && result.error().code == ErrorCode::kDigest) {
    ::podium::harness::Report(result.error());
    return Exit::kNotVerified;
  }
  if (!result) return tl::unexpected(result.error());
  if (o.json)
    std::cout << ReplayJson(*result);
  else
    Print(*result);
  return result->equal() ? Exit::kOk : Exit::kNotVerified;
}

// The same command goes on with the same run, so the name says what is asked for.
std::string ForkName(const FoundTrial& trial, const ForkVerb& o) {
  if (!o.name.empty()) return o.name;
  std::string all = trial.id.str() + "\n" + o.model;
  for (const auto& set : o.sets) all += "\n" + set;
  return trial.run_dir.filename().string() + "-fork-" + std::to_string(o.at_step) + "-" +
         Digest::Of(all).hex().substr(0, 6);
}

Result<ForkOptions> ForkOptionsOf(const FoundTrial& trial, const ForkVerb& o) {
  ForkOptions out{.at_step = o.at_step, .name = ForkName(trial, o), .sets = {}};
  if (!o.model.empty()) out.sets["model"] = o.model;
  for (const auto& item : o.sets) {
    std::size_t equals = item.find('=');
    if (equals == std::string::npos)
      return Fail(ErrorCode::kUsage, "--set takes NAME=VALUE, found '" + item + "'");
    out.sets[item.substr(0, equals)] = item.substr(equals + 1);
  }
  return out;
}

Result<Exit> Fork(const ForkVerb& o, const std::string& program) {
  PODIUM_ASSIGN(auto parent, FindTrial(o.trial));
  PODIUM_ASSIGN(auto options, ForkOptionsOf(parent, o));
  PODIUM_ASSIGN(auto plan, MakeFork(parent, options));
  return ExecutePlan(plan, o.json, program);
}

void AddFork(CLI::App& app, Exit& exit, const std::string& program) {
  auto* verb = app.add_subcommand(
      "fork",
      "Go on from a node or step of a trial with another model or other settings, as a new run");
  auto o = std::make_shared<ForkVerb>();
  verb->add_option("trial", o->trial, "The trial, as `podium replay` takes it")->required();
  verb->add_option("--at-step", o->at_step, "How many of its nodes or steps stay; the next is new")
      ->required();
  verb->add_option("--model", o->model, "Another model");
  verb->add_option("--set", o->sets, "Another setting of the agent, as NAME=VALUE; may be repeated")
      ->allow_extra_args(false);
  verb->add_option("--name", o->name, "The new run's name; made from the trial's when left out");
  verb->add_flag("--json", o->json, "Print the summary as JSON");
  verb->footer(
      "\nThe nodes that stay come with their scores and cost the time that they had cost; of "
      "react, "
      "the steps\ncome with what was said. /home becomes what it was: from a layer that was kept "
      "(keep.layers), else by\nrunning the programs again; the journal's event \"rebuilt\" says "
      "which. The new trial names its parent in its journal, "
      "in `status --json` and in `verify`,\nwhich flags it: somebody knew the parent's score. The "
      "same command goes on with the same run.");
  verb->callback(Wrap(exit, [o, program] { return Fork(*o, program); }));
}

}  // namespace

void AddReplayVerbs(CLI::App& app, Exit& exit, const std::string& program) {
  AddFork(app, exit, program);
  auto* verb = app.add_subcommand(
      "replay", "Do a trial again with its recorded answers, and compare: no key, no network");
  auto o = std::make_shared<ReplayVerb>();
  verb->add_option("trial", o->trial,
                   "TASK/AGENT/sSEED of the newest run, RUN/TASK/AGENT/sSEED, the trial's folder, "
                   "or a run that has one trial");
  verb->add_option("--into", o->into,
                   "Where the trial is done again; runs/replays/... when left out");
  verb->add_flag("--keep", o->keep, "Keep that folder when the trial is equal, too");
  verb->add_flag("--json", o->json, "Print JSON (podium-replay/1)");
  verb->footer(
      "\nScaffold and programs run anew in a fresh sandbox; models answer from the trial's record, "
      "and the\nsearch's clock says what it said then. What must be equal: every request, every "
      "program and what it\nprinted, the submission, the grade, and the journal but for measured "
      "times and resources. It stops at\nthe first difference and says what it means (exit code "
      "7). A record that is not what was written (an\nanswer, a program, the journal, the image) "
      "stops it before anything runs.");
  verb->callback(Wrap(exit, [o] { return Replay(*o); }));
}

}  // namespace podium::harness
