#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace CLI {
class App;
}

namespace podium::harness {

struct RunPlan;  // NOLINT(bugprone-forward-declaration-namespace): records has one of its own

// Exit codes of every verb; docs/exit-codes.md explains them.
enum class Exit : int {
  kOk = 0,
  kInternal = 1,
  kUsage = 2,           // command line, configuration, unknown name
  kInvalid = 3,         // `grade`: the submission is invalid or missing
  kGraderError = 4,     // `grade`: the grader failed
  kInfrastructure = 5,  // the host, a file, a server, a sandbox
  kUnfinished = 6,      // `run`: stopped before every trial had its verdict
  kNotVerified = 7,     // `verify`: something a run claims does not add up
};
[[nodiscard]] Exit ExitFor(const Error& error);

// Prints "podium: message" to standard error and returns its exit code.
Exit Report(const Error& error);

// A verb's callback: stores its exit code, or prints its error.
template <class F>
auto Wrap(Exit& exit, F function) {
  return [&exit, function = std::move(function)] {
    Result<Exit> r = function();
    exit = r ? *r : Report(r.error());
  };
}

// Works on the plan as `podium run` does, and prints what came of it.
Result<Exit> ExecutePlan(const RunPlan& plan, bool json, const std::string& program);

// Each adds its verbs to the program; the chosen verb stores what main returns in `exit`.
// `program` is how the user called it, for the commands that are printed.
void AddRunVerbs(CLI::App& app, Exit& exit,
                 const std::string& program);  // run, status, report, reindex
// pause, resume, cancel, drain, retry, set, priority, worker
void AddControlVerbs(CLI::App& app, Exit& exit, const std::string& program);
void AddVerifyVerb(CLI::App& app, Exit& exit);                               // verify
void AddTraceVerb(CLI::App& app, Exit& exit);                                // trace
void AddWhyVerbs(CLI::App& app, Exit& exit);                                 // why, logs
void AddWatchVerb(CLI::App& app, Exit& exit);                                // watch
void AddArchiveVerb(CLI::App& app, Exit& exit);                              // archive
void AddReplayVerbs(CLI::App& app, Exit& exit, const std::string& program);  // replay, fork
// `argv`: of the whole program, for what another program does.
void AddTaskVerbs(CLI::App& app, Exit& exit, char** argv);  // tasks
void AddAgentVerbs(CLI::App& app, Exit& exit);              // agents
void AddModelVerbs(CLI::App& app, Exit& exit);              // models
void AddHostVerbs(CLI::App& app, Exit& exit);               // doctor
void AddImageVerbs(CLI::App& app, Exit& exit);              // image
void AddSandboxVerbs(CLI::App& app, Exit& exit);            // sandbox
}  // namespace podium::harness
