#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "agents/programs/import_mle_bench.h"
#include "harness/cli/cli.h"

namespace podium::harness {
namespace {

struct ImportAgentsArguments {
  std::string source, checkout, to = "agents";
  bool instructions = false;
};

Result<Exit> ImportAgents(const ImportAgentsArguments& a) {
  PODIUM_ASSIGN(auto agents, agents::ImportMleBenchAgents(a.checkout, a.to, a.instructions));
  for (const auto& agent : agents) {
    std::cout << agent.id << ": podium run --task TASK --agent " << agent.file.string() << "\n";
    for (const auto& note : agent.notes) std::cout << "  " << note << "\n";
  }
  if (agents.empty()) std::cout << "no agent there says how it is started\n";
  return Exit::kOk;
}

}  // namespace

void AddAgentVerbs(CLI::App& app, Exit& exit) {
  auto a = std::make_shared<ImportAgentsArguments>();
  auto* group = app.add_subcommand("agents", "Agents: bring another benchmark's here");
  group->require_subcommand(1);
  auto* verb = group->add_subcommand(
      "import",
      "Agent folders of a checkout of MLE-bench as files that `podium run --agent` takes. Their "
      "budgets become Podium's, keys of model providers are the gateway's");
  verb->add_option("format", a->source, "mle-bench")
      ->required()
      ->check(CLI::IsMember({"mle-bench"}));
  verb->add_option("checkout", a->checkout, "Folder of the checkout")->required();
  verb->add_option("--to", a->to, "Where the agents' files and folders are written")
      ->capture_default_str();
  verb->add_flag("--instructions", a->instructions,
                 "Their programs read the checkout's own instructions.txt in place of Podium's");
  verb->callback(Wrap(exit, [a] { return ImportAgents(*a); }));
}

}  // namespace podium::harness
