#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "base/json.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/grading/verify.h"
#include "harness/report/table.h"

namespace podium::harness {
namespace {

struct VerifyOptions {
  std::string run;
  std::vector<std::string> tasks;
  bool json = false;
};

std::string Outcome(const TrialCheck& t) {
  if (!t.problems.empty()) return "NOT VERIFIED";
  if (t.verdict.empty()) return t.state;
  if (!t.regraded) return "not regraded";
  return t.flags.empty() ? "verified" : "verified, flagged";
}

Json TrialJson(const TrialCheck& t) {
  Json out = {{"trial", t.id.str()},    {"state", t.state},       {"verdict", t.verdict},
              {"regraded", t.regraded}, {"attempts", t.attempts}, {"gradings", t.gradings},
              {"problems", t.problems}, {"flags", t.flags}};
  out["score"] = t.score ? Json(*t.score) : Json();
  return out;
}

std::string VerificationJson(const Verification& v) {
  Json out = {{"schema", "podium-verification/1"},
              {"run", v.run},
              {"verified", v.ok()},
              {"problems", v.problems},
              {"flags", v.flags},
              {"trials", Json::array()}};
  for (const auto& t : v.trials) out["trials"].push_back(TrialJson(t));
  return DumpJson(out, 2) + "\n";
}

void Print(const Verification& v) {
  TextTable table({"trial", "verdict", "score", "attempts", "gradings", "outcome"},
                  {false, false, true, true, true, false});
  int verified = 0;
  for (const auto& t : v.trials) {
    verified += t.regraded && t.problems.empty();
    table.Add({t.id.str(), t.verdict.empty() ? "-" : t.verdict,
               t.score ? FormatScore(*t.score) : "-", std::to_string(t.attempts),
               std::to_string(t.gradings), Outcome(t)});
  }
  std::cout << table.Text() << "\n";
  auto list = [](const std::string& title, const std::string& where,
                 const std::vector<std::string>& lines) {
    for (const auto& line : lines)
      std::cout << title << (where.empty() ? "" : where + ": ") << line << "\n";
  };
  list("Problem: ", "", v.problems);
  for (const auto& t : v.trials) list("Problem: ", t.id.str(), t.problems);
  list("Flag: ", "", v.flags);
  for (const auto& t : v.trials) list("Flag: ", t.id.str(), t.flags);
  std::cout << "Run " << v.run << ": " << verified << " of " << v.trials.size()
            << " trials graded again from their stored submissions with the same record; "
            << (v.ok() ? "everything adds up.\n" : "NOT VERIFIED.\n");
}

Result<Exit> Verify(const VerifyOptions& o) {
  PODIUM_ASSIGN(auto dir, FindRun(o.run));
  bool watched = ::isatty(STDERR_FILENO) == 1;
  auto progress = [watched](std::string_view text) {
    if (watched) std::cerr << "\r\x1b[K" << text << " ..." << std::flush;
  };
  auto verification = VerifyRun(dir, o.tasks, progress, SystemClock());
  if (watched) std::cerr << "\r\x1b[K" << std::flush;
  if (!verification) return tl::unexpected(verification.error());
  if (o.json) {
    std::cout << VerificationJson(*verification);
  } else {
    Print(*verification);
  }
  return verification->ok() ? Exit::kOk : Exit::kNotVerified;
}

}  // namespace

void AddVerifyVerb(CLI::App& app, Exit& exit) {
  auto* verb = app.add_subcommand(
      "verify",
      "Recompute what a run claims: digests, history, and every verdict by grading again");
  auto o = std::make_shared<VerifyOptions>();
  verb->add_option("run", o->run, "Name or folder of the run; the newest when left out");
  verb->add_option("--task", o->tasks,
                   "Folder of a task package that is not shipped; may be repeated")
      ->allow_extra_args(false);
  verb->add_flag("--json", o->json, "Print JSON (podium-verification/1)");
  verb->footer(
      "\nA problem (exit code 7) is something that does not add up: a file that is not what was "
      "graded, a\nverdict that grading does not give again, a run without isolation. A flag is "
      "true "
      "and must be known:\noracle_selected (worked on again after a score was seen, or taken out "
      "of "
      "the run), knows_answers,\nnot_enforced, not_regraded, incomplete.");
  verb->callback(Wrap(exit, [o] { return Verify(*o); }));
}

}  // namespace podium::harness
