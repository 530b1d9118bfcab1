#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "harness/cli/cli.h"

namespace podium::harness {

// The verbs of podium-score, which `podium` starts in its own place.
[[nodiscard]] bool IsScoreVerb(std::string_view verb);
// What a verb of podium-score is for, as both programs' help says it.
[[nodiscard]] std::string ScoreVerbHelp(std::string_view verb);
// Adds their names to the help.
void ListScoreVerbs(CLI::App& app, Exit& exit);

// The first argument that is no option; empty where there is none.
[[nodiscard]] std::string_view FirstWord(int argc, char** argv);

// Becomes podium-score with these arguments; returns only where it cannot be started.
[[nodiscard]] Exit StartScoreProgram(char** argv);

// mle-bench's grading report of a run, written into its folder by podium-score.
[[nodiscard]] Status WriteGradingReport(const std::filesystem::path& run);

struct ImportArguments {
  std::string from, checkout, data, out = "mle-bench-tasks";
};
// Adds `import` to the verb `tasks`.
void AddImportVerb(CLI::App& tasks, Exit& exit,
                   std::function<Result<Exit>(const ImportArguments&)> run);

}  // namespace podium::harness
