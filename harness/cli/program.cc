#include "harness/cli/program.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <set>
#include <string_view>

#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "harness/cli/examples.h"

namespace podium::harness {

Exit ExitFor(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUsage:
    case ErrorCode::kConfig:
    case ErrorCode::kNotFound:
      return Exit::kUsage;
    case ErrorCode::kGrader:
      return Exit::kGraderError;
    case ErrorCode::kBusy:
    case ErrorCode::kInterrupted:
      return Exit::kUnfinished;
    case ErrorCode::kInternal:
      return Exit::kInternal;
    default:
      return Exit::kInfrastructure;
  }
}

Exit Report(const Error& error) {
  std::string out = "podium: " + error.message + "\n";
  for (const auto& [key, value] : error.context) out += "  " + key + ": " + value + "\n";
  if (error.code == ErrorCode::kInternal) {
    out += "  this is a bug in Podium (" + std::string(error.where.file_name()) + ":" +
           std::to_string(error.where.line()) + ")\n";
  }
  std::fputs(out.c_str(), stderr);
  return ExitFor(error);
}

namespace {

constexpr const char* kFooter = R"(
Start here:
  podium doctor                                       what this machine can do
  podium tasks ls                                     the tasks and their boards
  podium run configs/runs/quickstart.yaml             five tasks, two agents, no API key
  podium run --task conway-reverse --agent greedy --proposer portfolio
  OPENAI_API_KEY=... podium run --task unimelb-grants --agent greedy --proposer llm --model NAME

Running the same command again continues where it stopped. Exit codes: 0 done, 2 usage, 3 invalid submission,
4 grader error, 5 infrastructure, 6 unfinished, 7 not verified.)";

// Only the verb that is asked for is described to CLI11, which takes a tenth of a small grading for
// all of them; every one where the first word is none of them.
void AddVerbs(CLI::App& app, Exit& exit, std::string_view asked,
              std::span<const VerbGroup> groups) {
  auto holds = [&](const VerbGroup& g) {
    return std::ranges::find(g.verbs, asked) != g.verbs.end();
  };
  bool known = std::ranges::any_of(groups, holds);
  for (const VerbGroup& group : groups) {
    if (!known || holds(group)) group.add(app, exit);
  }
}

// `podium --version --json`, for programs.
bool WantsVersionJson(int argc, char** argv) {
  std::set<std::string_view> words(argv + 1, argv + argc);
  return argc == 3 && words.contains("--version") && words.contains("--json");
}

std::string VersionJson() {
  Json out = {{"schema", "podium-version/1"},
              {"version", PODIUM_VERSION},
              {"compiler", "gcc " __VERSION__},
              {"programs", ProgramDir().string()},
              {"share", ShareDir().string()}};
  return DumpJson(out, 2) + "\n";
}

int Parse(int argc, char** argv, std::span<const VerbGroup> groups) {
  if (WantsVersionJson(argc, argv)) {
    std::cout << VersionJson();
    return 0;
  }
  CLI::App app{
      "Podium: how good is an agent at machine-learning research? It works on Kaggle-style tasks "
      "in a\n"
      "container, is graded outside it, and is ranked on the human leaderboard."};
  app.name("podium");
  app.footer(kFooter);
  app.set_version_flag("--version", "podium " PODIUM_VERSION);
  app.require_subcommand(1);
  app.failure_message([](const CLI::App*, const CLI::Error& e) {
    return "podium: " + std::string(e.what()) +
           "\n  `podium --help` and `podium VERB --help` show what there is\n";
  });
  bool verbose = false;
  app.add_flag("-v,--verbose", verbose, "Say more on standard error");
  app.parse_complete_callback([&] {
    if (verbose) SetLogLevel(LogLevel::kDebug);
  });
  Exit exit = Exit::kOk;
  AddVerbs(app, exit, argc > 1 ? argv[1] : "", groups);
  AddExamples(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    int code = app.exit(e, std::cout, std::cerr);
    return code == 0 ? 0 : static_cast<int>(Exit::kUsage);
  }
  return static_cast<int>(exit);
}

// Whether somebody reads what is written: `podium ... | head` is no failure.
bool ReaderLeft() {
  pollfd out{STDOUT_FILENO, 0, 0};
  return ::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

// Output that never reached its place must not look like success: a full disk, a closed descriptor.
int Written(int code) {
  std::cout.flush();
  bool lost = std::fflush(stdout) != 0 || std::ferror(stdout) != 0 || !std::cout;
  if (!lost || ReaderLeft()) return code;
  std::fprintf(stderr,
               "podium: standard output could not be written (%s): what stands there is not "
               "whole\n",
               std::strerror(errno));
  return code == 0 ? static_cast<int>(Exit::kInfrastructure) : code;
}

}  // namespace

int RunProgram(int argc, char** argv, std::span<const VerbGroup> groups) {
  std::signal(SIGPIPE, SIG_IGN);
  // What Podium makes has the modes that it says, whatever the shell's mask is: data that an
  // agent's user cannot read would look like the agent's failure.
  ::umask(022);
  try {
    return Written(Parse(argc, argv, groups));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "podium: unexpected: %s (this is a bug in Podium)\n", e.what());
    return 1;
  }
}

}  // namespace podium::harness
