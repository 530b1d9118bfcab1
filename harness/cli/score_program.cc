#include "harness/cli/score_program.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/clock.h"
#include "base/deadlines.h"
#include "base/files.h"
#include "base/process.h"

namespace podium::harness {
namespace {

constexpr std::pair<std::string_view, std::string_view> kVerbs[] = {
    {"grade", "Grade one submission, or mle-bench's JSON lines into its grading report"},
    {"grade-sample", "Grade one submission of a task or of one of mle-bench's 82 competitions"},
    {"metrics", "The metrics that a task's YAML can name"},
    {"aggregate", "mle-bench's table from grading reports: mean and standard error over seeds"}};

std::string Program() { return (ProgramDir() / "podium-score").string(); }

}  // namespace

bool IsScoreVerb(std::string_view verb) {
  return std::ranges::any_of(kVerbs, [&](const auto& v) { return v.first == verb; });
}

std::string ScoreVerbHelp(std::string_view verb) {
  auto found =
      std::ranges::find(kVerbs, verb, &std::pair<std::string_view, std::string_view>::first);
  return std::string(found == std::end(kVerbs) ? "" : found->second);
}

void ListScoreVerbs(CLI::App& app, Exit&) {
  for (const auto& [verb, help] : kVerbs) app.add_subcommand(std::string(verb), std::string(help));
}

std::string_view FirstWord(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    if (!word.starts_with('-')) return word;
  }
  return "";
}

Exit StartScoreProgram(char** argv) {
  ::execv(Program().c_str(), argv);
  return Report(FailErrno(ErrorCode::kUnavailable, "cannot start " + Program(), errno).value());
}

Status WriteGradingReport(const std::filesystem::path& run) {
  ProcessSpec spec;
  spec.argv = {Program(), "grading-report", run.string()};
  PODIUM_TRY(RunTool(spec, Deadline::In(kGradingReportTime)));
  return {};
}

void AddImportVerb(CLI::App& tasks, Exit& exit,
                   std::function<Result<Exit>(const ImportArguments&)> run) {
  auto args = std::make_shared<ImportArguments>();
  auto* importing = tasks.add_subcommand(
      "import", "Make task packages of a checkout of openai/mle-bench (75 + 7 competitions)");
  importing->add_option("from", args->from, "mle-bench")->required();
  importing->add_option("folder", args->checkout, "The checkout")->required();
  importing->add_option("--data", args->data,
                        "mle-bench's data folder (<id>/prepared/public, private)");
  importing->add_option("--out", args->out, "Where the packages go")->capture_default_str();
  importing->callback(Wrap(exit, [args, run = std::move(run)] { return run(*args); }));
}

}  // namespace podium::harness
