#include <string>

#include "harness/cli/program.h"
#include "harness/cli/score_program.h"

namespace podium::harness {
namespace {

int Main(int argc, char** argv) {
  // What grades or computes statistics is the other program's: this one, which serves an agent's
  // requests, holds no grader.
  if (IsScoreVerb(FirstWord(argc, argv))) return static_cast<int>(StartScoreProgram(argv));
  std::string program = argc > 0 ? argv[0] : "podium";
  const VerbGroup groups[] = {
      {{"run", "plan", "status", "report", "reindex"},
       [&](CLI::App& a, Exit& e) { AddRunVerbs(a, e, program); }},
      {{"pause", "resume", "cancel", "drain", "retry", "set", "priority", "worker"},
       [&](CLI::App& a, Exit& e) { AddControlVerbs(a, e, program); }},
      {{"verify"}, AddVerifyVerb},
      {{"trace"}, AddTraceVerb},
      {{"why", "logs"}, AddWhyVerbs},
      {{"watch"}, AddWatchVerb},
      {{"archive"}, AddArchiveVerb},
      {{"replay", "fork"}, [&](CLI::App& a, Exit& e) { AddReplayVerbs(a, e, program); }},
      {{"tasks"}, [&](CLI::App& a, Exit& e) { AddTaskVerbs(a, e, argv); }},
      {{"agents"}, AddAgentVerbs},
      {{"models"}, AddModelVerbs},
      {{"doctor"}, AddHostVerbs},
      {{"image"}, AddImageVerbs},
      {{"sandbox"}, AddSandboxVerbs},
      {{}, ListScoreVerbs}};
  return RunProgram(argc, argv, groups);
}

}  // namespace
}  // namespace podium::harness

int main(int argc, char** argv) { return podium::harness::Main(argc, argv); }
