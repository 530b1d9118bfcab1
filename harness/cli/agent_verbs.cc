#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>

#include "agents/programs/import_mle_bench.h"
#include "agents/registry.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "base/yaml.h"
#include "harness/cli/cli.h"
#include "harness/plan/plan.h"
#include "harness/report/table.h"

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

struct AgentFile {
  std::string id, scaffold, proposer;
};

Result<std::vector<AgentFile>> AgentFiles() {
  std::vector<AgentFile> out;
  for (const auto& id : ListAgents()) {
    PODIUM_ASSIGN(auto root, ReadYaml(ShareDir() / "configs" / "agents" / (id + ".yaml")));
    PODIUM_ASSIGN(auto map, YamlMap::From(root));
    PODIUM_ASSIGN(auto scaffold, map.String("scaffold"));
    PODIUM_ASSIGN(auto proposer, map.StringOr("proposer", ""));
    out.push_back({id, std::move(scaffold), std::move(proposer)});
  }
  return out;
}

Json ScaffoldJson(const agents::ScaffoldInfo& s) {
  Json options = Json::array();
  for (const auto& o : s.options)
    options.push_back({{"name", o.name}, {"default", o.fallback}, {"help", o.help}});
  return {{"name", s.name},
          {"help", s.help},
          {"needs_sandbox", s.needs_sandbox},
          {"takes_proposer", s.takes_proposer},
          {"asks_model", s.asks_model},
          {"baseline", s.is_baseline},
          {"options", std::move(options)},
          {"also_usable", s.also_usable}};
}

Result<Exit> ListAllAgents(bool json) {
  PODIUM_ASSIGN(auto files, AgentFiles());
  if (json) {
    Json out = {
        {"schema", "podium-agents/1"}, {"agents", Json::array()}, {"scaffolds", Json::array()}};
    for (const auto& f : files)
      out["agents"].push_back({{"id", f.id}, {"scaffold", f.scaffold}, {"proposer", f.proposer}});
    for (const auto& s : agents::Scaffolds()) out["scaffolds"].push_back(ScaffoldJson(s));
    std::cout << DumpJson(out, 2) << "\n";
    return Exit::kOk;
  }
  TextTable shipped({"agent", "scaffold", "proposer"});
  for (const auto& f : files) shipped.Add({f.id, f.scaffold, f.proposer});
  TextTable scaffolds({"scaffold", "what it does"});
  for (const auto& s : agents::Scaffolds()) scaffolds.Add({s.name, s.help});
  std::cout << "Agents that ship with Podium (configs/agents):\n\n"
            << shipped.Text() << "\nScaffolds, each an agent too:\n\n"
            << scaffolds.Text() << "\n`podium agents show NAME` lists the options of one.\n";
  return Exit::kOk;
}

std::string Asks(const agents::ScaffoldInfo& s) {
  if (s.takes_proposer)
    return "a proposer writes its programs: portfolio, or llm with --model NAME";
  if (s.asks_model) return "asks a model by itself: --model NAME";
  if (s.uses_gateway) return "its program asks models through the trial's gateway (gateway.models)";
  return "asks no model";
}

Result<Exit> ShowAgent(const std::string& name, bool json) {
  PODIUM_ASSIGN(auto files, AgentFiles());
  auto file = std::ranges::find(files, name, &AgentFile::id);
  const auto* scaffold = agents::FindScaffold(file == files.end() ? name : file->scaffold);
  if (!scaffold) {
    auto known = agents::ScaffoldNames();
    for (const auto& f : files) known.push_back(f.id);
    return Fail(ErrorCode::kNotFound, "there is no agent '" + name + "'." + Suggest(name, known));
  }
  if (json) {
    Json out = ScaffoldJson(*scaffold);
    out["schema"] = "podium-agent-info/1";
    std::cout << DumpJson(out, 2) << "\n";
    return Exit::kOk;
  }
  std::cout << scaffold->name << ": " << scaffold->help << "\n" << Asks(*scaffold) << "\n";
  if (file != files.end()) std::cout << "as configs/agents/" << file->id << ".yaml sets it\n";
  TextTable options({"option", "default", "meaning"});
  for (const auto& o : scaffold->options) options.Add({o.name, o.fallback, o.help});
  if (!scaffold->options.empty()) std::cout << "\n" << options.Text();
  std::cout << "\nWhat each is good for, with evidence: docs/agents.md. All settings: `podium run "
               "--help`.\n";
  return Exit::kOk;
}

}  // namespace

void AddAgentVerbs(CLI::App& app, Exit& exit) {
  auto a = std::make_shared<ImportAgentsArguments>();
  auto* group = app.add_subcommand("agents", "Agents: which there are, what can be set of them");
  group->require_subcommand(1);
  auto json = std::make_shared<bool>(false);
  auto name = std::make_shared<std::string>();
  auto* ls = group->add_subcommand("ls", "The agents and scaffolds that there are");
  ls->add_flag("--json", *json, "Print JSON (podium-agents/1)");
  ls->callback(Wrap(exit, [json] { return ListAllAgents(*json); }));
  auto* show = group->add_subcommand("show", "What an agent or a scaffold is, and its options");
  show->add_option("agent", *name, "An agent's or a scaffold's name")->required();
  show->add_flag("--json", *json, "Print JSON (podium-agent-info/1)");
  show->callback(Wrap(exit, [name, json] { return ShowAgent(*name, *json); }));
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
