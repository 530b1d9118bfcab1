#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <iostream>

#include "base/async/reactor.h"
#include "base/deadlines.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/grading/grader_cases.h"
#include "harness/report/table.h"
#include "sandbox/backends/factory.h"
#include "sandbox/escape/suite.h"
#include "sandbox/host/rootless.h"
#include "sandbox/images/image.h"
#include "sandbox/reaper/reaper.h"
#include "sandbox/sandbox.h"
#include "tasks/prepare.h"
#include "tasks/task_package.h"

namespace podium::harness {
namespace {

namespace escape = sandbox::escape;
using escape::CaseOutcome;
using escape::Outcome;

struct SandboxOptions {
  std::string backend = "runc", image = "podium-ml", task;
  std::vector<std::string> cases, command;
  bool json = false, markdown = false, knock_out = false, list = false, quick = false;
  bool allow_unenforced = false;
  int seconds = 60;
};

const char* Word(Outcome outcome) {
  if (outcome == Outcome::kHeld) return "held";
  return outcome == Outcome::kBroken ? "BROKEN" : "skipped";
}

Json CaseJson(const CaseOutcome& c) {
  return {
      {"id", c.of->id},
      {"title", c.of->title},
      {"expects", c.of->expects},
      {"first_release", c.of->first_release},
      {"outcome",
       std::string_view(Word(c.result.outcome)) == "BROKEN" ? "broken" : Word(c.result.outcome)},
      {"detail", c.result.detail},
      {"wall_ms", c.wall.count()}};
}

// One run of the suite, with a line of progress a case where a person watches.
Result<std::vector<CaseOutcome>> RunOnce(const SandboxOptions& o, sandbox::MitigationSet without,
                                         const std::vector<std::string>& only) {
  PODIUM_ASSIGN(auto image, sandbox::FindImage(o.image, CacheDir()));
  escape::SuiteOptions options;
  options.backend = o.backend;
  options.layers = image.layers;
  options.only = only;
  options.without = std::move(without);
  options.allow_unenforced = o.allow_unenforced;
  bool watched = ::isatty(2) != 0;
  options.also = harness::CasesBesideTheSandboxs();
  options.on_start = [watched](const escape::Case& c) {
    if (watched) std::cerr << "\r\x1b[K" << c.id << "  " << c.title << " ..." << std::flush;
  };
  Reactor reactor;
  std::vector<CaseOutcome> outcomes;
  auto status = reactor.Run([&]() -> Task<Status> {
    auto ran = co_await escape::RunSuite(reactor, std::move(options));
    if (!ran) co_return tl::unexpected(ran.error());
    outcomes = std::move(*ran);
    co_return Status{};
  });
  if (watched) std::cerr << "\r\x1b[K" << std::flush;
  if (!status) return tl::unexpected(status.error());
  return outcomes;
}

// The sandbox's own and those of what an agent can talk to, in the order in which they are tried.
std::vector<const escape::Case*> AllCases() {
  std::vector<const escape::Case*> out;
  for (const auto& c : escape::Cases()) out.push_back(&c);
  for (const auto& c : harness::CasesBesideTheSandboxs()) out.push_back(&c);
  return out;
}

Result<Exit> Test(const SandboxOptions& o) {
  for (const auto& id : o.cases) {
    bool known = std::ranges::any_of(AllCases(), [&](const auto* c) { return c->id == id; });
    if (!known)
      return Fail(ErrorCode::kUsage,
                  "there is no case '" + id + "': `podium sandbox test --list` shows them");
  }
  PODIUM_TRY(sandbox::EnterRootless());
  PODIUM_ASSIGN(auto outcomes, RunOnce(o, {}, o.cases));
  int held = 0, broken = 0, skipped = 0;
  for (const auto& c : outcomes) {
    held += c.result.outcome == Outcome::kHeld;
    broken += c.result.outcome == Outcome::kBroken;
    skipped += c.result.outcome == Outcome::kSkipped;
  }
  if (o.json) {
    Json out = {
        {"schema", "podium-escape/1"}, {"backend", o.backend},  {"held", held}, {"broken", broken},
        {"skipped", skipped},          {"cases", Json::array()}};
    for (const auto& c : outcomes) out["cases"].push_back(CaseJson(c));
    std::cout << DumpJson(out, 2) << "\n";
  } else {
    TextTable table({"case", "attempt", "outcome", "seen"});
    for (const auto& c : outcomes) {
      std::string seen(Split(c.result.detail, '\n').front());
      if (seen.size() > 90) seen = seen.substr(0, 87) + "...";
      table.Add({std::string(c.of->id), std::string(c.of->title), Word(c.result.outcome), seen});
    }
    std::cout << table.Text() << "\n"
              << o.backend << ": " << held << " of " << outcomes.size() << " attempts held, "
              << broken << " broke out, " << skipped << " could not be tried here.\n";
  }
  return broken > 0 ? Exit::kInfrastructure : Exit::kOk;
}

// The line of a detail that says what got through, or its first.
std::string FirstThatGotThrough(const std::string& detail) {
  for (auto line : Split(detail, '\n')) {
    if (line.starts_with("got through: ")) return std::string(line.substr(13, 90));
  }
  return std::string(Split(detail, '\n').front()).substr(0, 90);
}

// What the mechanisms of "a + b" do.
std::string WhatTheyDo(const std::string& names) {
  std::vector<std::string> out;
  for (auto name : Split(names, '+')) {
    for (const auto& info : sandbox::Mitigations()) {
      if (info.name == Trim(name)) out.emplace_back(info.how);
    }
  }
  return Join(out, "; ");
}

std::string KnockOutMarkdown(const Json& run) {
  std::string out =
      "# What happens without each mechanism\n\nWritten by `podium sandbox test --knock-out "
      "--quick "
      "--markdown` on " +
      JsonOr<std::string>(run, "backend", "") +
      ": every mechanism left out alone, and the cases of the escape suite that noticed.\n\n"
      "| left out | what it is | noticed by | the first saw |\n| --- | --- | --- | --- |\n";
  for (const auto& row : run["rows"]) {
    std::string name = row["left_out"];
    std::vector<std::string> ids = row["noticed_by"];
    out += "| " + name + " | " + WhatTheyDo(name) + " | " +
           (ids.empty() ? "nobody" : Join(ids, ", ")) + " | " + std::string(row["seen"]) + " |\n";
  }
  return out;
}

Result<Exit> KnockOutRun(const SandboxOptions& o) {
  if (::geteuid() != 0)
    return Fail(ErrorCode::kUnavailable,
                "the knock-out run needs root: it leaves out what an ordinary user cannot have");
  PODIUM_ASSIGN(auto base, RunOnce(o, {}, o.cases));
  Json out = {{"schema", "podium-knock-out/1"}, {"backend", o.backend}, {"rows", Json::array()}};
  TextTable table({"left out", "noticed by", "seen"});
  bool all = true;
  for (const auto& set : escape::KnockOutSets()) {
    std::vector<std::string> only = o.quick ? escape::ExpectedToNotice(set) : o.cases;
    auto outcomes = RunOnce(o, set, only);
    std::vector<std::string> ids;
    std::string seen = outcomes ? "" : outcomes.error().message;
    for (const auto& c : outcomes ? *outcomes : std::vector<CaseOutcome>{}) {
      auto was = std::ranges::find(base, c.of, &CaseOutcome::of);
      bool held_before = was != base.end() && was->result.outcome == Outcome::kHeld;
      if (!held_before || c.result.outcome != Outcome::kBroken) continue;
      ids.emplace_back(c.of->id);
      if (seen.empty()) seen = FirstThatGotThrough(c.result.detail);
    }
    all = all && !ids.empty();
    out["rows"].push_back({{"left_out", escape::NameOf(set)}, {"noticed_by", ids}, {"seen", seen}});
    table.Add({escape::NameOf(set), ids.empty() ? "nobody" : Join(ids, " "), seen});
  }
  out["every_mitigation_noticed"] = all;
  if (o.markdown) {
    std::cout << KnockOutMarkdown(out);
  } else if (o.json) {
    std::cout << DumpJson(out, 2) << "\n";
  } else {
    std::cout << table.Text();
  }
  return all ? Exit::kOk : Exit::kInfrastructure;
}

Exit List(bool json) {
  TextTable table({"case", "attempt", "expected"});
  Json out = Json::array();
  for (const auto* c : AllCases()) {
    table.Add({std::string(c->id), std::string(c->title), std::string(c->expects)});
    out.push_back({{"id", c->id}, {"title", c->title}, {"expects", c->expects}});
  }
  std::cout << (json ? DumpJson(out, 2) + "\n" : table.Text());
  return Exit::kOk;
}

Result<sandbox::SandboxSpec> SpecFor(const SandboxOptions& o, const std::filesystem::path& state) {
  PODIUM_ASSIGN(auto image, sandbox::FindImage(o.image, CacheDir()));
  sandbox::SandboxSpec spec;
  spec.id = "hand-" + std::to_string(::getpid());
  spec.layers = image.layers;
  spec.state_dir = state;
  spec.env = {
      {"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"HOME", "/home/agent"}, {"LANG", "C.UTF-8"}};
  for (auto& variable : sandbox::EnvironmentOf(image)) {
    auto same = [&](const auto& own) { return own.first == variable.first; };
    if (std::ranges::none_of(spec.env, same)) spec.env.push_back(std::move(variable));
  }
  spec.allow_unenforced = o.allow_unenforced || o.backend == "unsafe-local";
  if (o.task.empty()) return spec;
  PODIUM_ASSIGN(auto task, tasks::FindTask(o.task));
  auto progress = [](std::string_view text) { std::cerr << text << "\n"; };
  PODIUM_ASSIGN(auto prepared,
                tasks::Prepare(task, CacheDir(), progress, Deadline::In(kPrepareTime)));
  spec.data = {{prepared.public_dir, "/home/data"}};
  spec.limits.cpus = task.runtime.cpus;
  spec.limits.memory_bytes = task.runtime.memory_bytes;
  spec.limits.disk_bytes = task.runtime.disk_bytes;
  return spec;
}

Task<Status> RunLines(sandbox::Sandbox& box, int seconds) {
  bool person = ::isatty(0) != 0;
  std::string line, cwd = "/home/agent";
  for (;;) {
    if (person) std::cout << "sandbox:" << cwd << "$ " << std::flush;
    if (!std::getline(std::cin, line)) break;
    if (line == "exit") break;
    sandbox::ExecSpec spec;
    spec.argv = {"sh", "-c", line + "\nstatus=$?; pwd -P > /tmp/.podium-cwd; exit $status"};
    spec.cwd = cwd;
    Deadline deadline = Deadline::In(std::chrono::seconds(seconds));
    auto r = co_await box.Exec(std::move(spec), deadline);
    if (!r) co_return tl::unexpected(r.error());
    std::cout << r->output;
    if (r->end != sandbox::ExecEnd::kExited)
      std::cout << "(" << sandbox::ExecEndText(r->end) << ")\n";
    std::cout << std::flush;
    sandbox::ExecSpec where;
    where.argv = {"cat", "/tmp/.podium-cwd"};
    Deadline soon = Deadline::In(kAskPlaceTime);
    auto place = co_await box.Exec(std::move(where), soon);
    if (place && place->exit_code == 0) cwd = std::string(Trim(place->output));
  }
  co_return Status{};
}

Task<Status> RunCommand(sandbox::Sandbox& box, const SandboxOptions& o, int& code) {
  sandbox::ExecSpec spec;
  spec.argv = o.command;
  spec.output_head_bytes = spec.output_tail_bytes = 16 << 20;
  Deadline deadline = Deadline::In(std::chrono::seconds(o.seconds));
  auto r = co_await box.Exec(std::move(spec), deadline);
  if (!r) co_return tl::unexpected(r.error());
  std::cout << r->output << std::flush;
  if (r->end != sandbox::ExecEnd::kExited)
    std::cerr << "podium: the command ended as " << sandbox::ExecEndText(r->end) << "\n";
  code = r->end == sandbox::ExecEnd::kExited ? r->exit_code : 5;
  co_return Status{};
}

// `exec` and `shell`: a sandbox as a trial gets it, for a person.
Result<Exit> ByHand(const SandboxOptions& o) {
  PODIUM_TRY(sandbox::EnterRootless());
  PODIUM_ASSIGN(auto temp, TempDir::Make("podium-sandbox"));
  PODIUM_ASSIGN(auto spec, SpecFor(o, temp.path() / "state"));
  Reactor reactor;
  PODIUM_ASSIGN(auto backend, sandbox::MakeBackend(o.backend, reactor));
  PODIUM_TRY(sandbox::ReapDead(Deadline::In(kReapTime)));
  int code = 0;
  PODIUM_TRY(reactor.Run([&]() -> Task<Status> {
    Deadline deadline = Deadline::In(kSandboxByHandTime);
    auto box = co_await backend->Create(std::move(spec), deadline);
    if (!box) co_return tl::unexpected(box.error());
    const auto& open = (*box)->isolation().not_enforced;
    if (o.allow_unenforced && !open.empty())
      std::cerr << "podium: not enforced here: " << Join(open, ", ") << "\n";
    Status done;
    if (o.command.empty()) {
      done = co_await RunLines(**box, o.seconds);
    } else {
      done = co_await RunCommand(**box, o, code);
    }
    Deadline last = Deadline::In(kRemovalTime);
    auto destroyed = co_await (*box)->Destroy(last);
    co_return done ? destroyed : done;
  }));
  return static_cast<Exit>(code);
}

}  // namespace

void AddSandboxVerbs(CLI::App& app, Exit& exit) {
  auto* group = app.add_subcommand("sandbox", "Try the isolation that trials run in");
  group->require_subcommand(1);
  auto o = std::make_shared<SandboxOptions>();
  auto common = [&](CLI::App* verb) {
    verb->add_option("--backend", o->backend, Join(sandbox::BackendNames(), ", "));
    verb->add_option("--image", o->image, "Container image (`podium image ls`)");
    verb->add_flag("--allow-unenforced", o->allow_unenforced,
                   "Go on without limits that this host cannot enforce (rootless: memory, cpu)");
  };
  auto* test = group->add_subcommand(
      "test", "Try to break out in every way of the escape suite, and say what happened");
  common(test);
  test->add_option("--case", o->cases, "Only this case; may be repeated")->allow_extra_args(false);
  test->add_flag("--knock-out", o->knock_out,
                 "Leave out each mitigation in turn and show which case notices");
  test->add_flag("--quick", o->quick, "With --knock-out: only the cases that are known to notice");
  test->add_flag("--markdown", o->markdown, "With --knock-out: print a Markdown page");
  test->add_flag("--list", o->list, "Show the cases");
  test->add_flag("--json", o->json, "Print JSON (podium-escape/1, podium-knock-out/1)");
  test->footer(
      "\nExit codes: 0 everything held, 5 something did not, or the host lacks something.");
  test->callback(Wrap(exit, [o]() -> Result<Exit> {
    if (o->list) return List(o->json);
    return o->knock_out ? KnockOutRun(*o) : Test(*o);
  }));
  auto* run = group->add_subcommand(
      "exec", "Run one command in a fresh sandbox: podium sandbox exec -- id");
  auto* shell = group->add_subcommand("shell", "Type commands into a fresh sandbox, one line each");
  for (auto* verb : {run, shell}) {
    common(verb);
    verb->add_option("--task", o->task, "Show this task's public data at /home/data");
    verb->add_option("--limit", o->seconds, "Seconds a command may take")
        ->check(CLI::Range(1, 86400));
    verb->callback(Wrap(exit, [o] { return ByHand(*o); }));
  }
  run->add_option("command", o->command, "The command and its arguments, after --")->required();
}

}  // namespace podium::harness
