#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "base/json.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/replay/replay.h"
#include "sandbox/host/rootless.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

struct ReplayVerb {
  std::string trial, into;
  bool keep = false, json = false;
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

}  // namespace

void AddReplayVerb(CLI::App& app, Exit& exit) {
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
