#include <CLI/CLI.hpp>
#include <iostream>

#include "harness/cli/score_program.h"
#include "harness/score/import_mle_bench.h"
#include "harness/score/verbs.h"

namespace podium::harness {
namespace {

Result<Exit> ImportTasks(const ImportArguments& args) {
  const auto& [from, checkout, data, out] = args;
  if (from != "mle-bench")
    return Fail(ErrorCode::kUsage, "'" + from + "' is not known here; there is mle-bench");
  PODIUM_ASSIGN(auto result, ImportMleBench(checkout, data, out, [](std::string_view) {}));
  for (const auto& note : result.notes) std::cout << note << "\n";
  std::cout << result.imported.size() << " task packages in " << out
            << (data.empty()
                    ? ", without data: `podium grade-sample FILE ID --answers FILE` grades "
                      "them, --data DIR makes them run\n"
                    : "\n");
  return Exit::kOk;
}

}  // namespace

void AddImportVerbs(CLI::App& app, Exit& exit) {
  auto* tasks = app.add_subcommand("tasks", "The tasks: list, show, prepare, import");
  tasks->require_subcommand(1);
  AddImportVerb(*tasks, exit, ImportTasks);
}

}  // namespace podium::harness
