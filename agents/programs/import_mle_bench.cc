#include "agents/programs/import_mle_bench.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <system_error>

#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/text.h"
#include "base/yaml.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;
using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr ForeignBounds kBounds{.entries = 100'000, .depth = 32};
constexpr std::uint64_t kLongestConfig = 1 << 20;
constexpr std::uint64_t kLongestFile = 256 << 20;  // as a program's folder may hold
constexpr const char* kInstructions = "instructions.txt";

const YamlNode* Find(const YamlNode& map, std::string_view key) {
  auto found = std::ranges::find(map.entries, key, &YamlNode::Entry::first);
  return found == map.entries.end() ? nullptr : &found->second;
}

// A mapping with what its `<<` names, which its own keys stand over.
Result<YamlNode> Merged(const YamlNode& node) {
  YamlNode out = node;
  out.entries.clear();
  auto add = [&out](const YamlNode::Entry& entry) {
    if (!Find(out, entry.first)) out.entries.push_back(entry);
  };
  for (const auto& entry : node.entries) {
    if (entry.first != "<<") add(entry);
  }
  if (const YamlNode* base = Find(node, "<<")) {
    std::vector<YamlNode> bases = base->items;
    if (base->kind == YamlNode::Kind::kMap) bases = {*base};
    for (const auto& one : bases) {
      if (one.kind != YamlNode::Kind::kMap) return base->Complain("'<<' merges mappings alone");
      PODIUM_ASSIGN(auto whole, Merged(one));
      for (const auto& entry : whole.entries) add(entry);
    }
  }
  return out;
}

// As Python writes a value of YAML into a command line.
std::string PythonText(const YamlNode& value) {
  if (value.kind == YamlNode::Kind::kNull) return "None";
  auto truth = value.quoted ? std::nullopt : std::optional(Lower(value.scalar));
  if (truth == "true") return "True";
  if (truth == "false") return "False";
  return value.scalar;
}

Result<Pairs> TextsOf(const YamlNode* node) {
  Pairs out;
  if (!node || node->kind == YamlNode::Kind::kNull) return out;
  if (node->kind != YamlNode::Kind::kMap) return node->Complain("expected names with a value each");
  PODIUM_ASSIGN(auto all, Merged(*node));
  for (const auto& [name, value] : all.entries) {
    if (value.kind > YamlNode::Kind::kScalar)
      return value.Complain("'" + name + "' is not a single value");
    out.emplace_back(name, PythonText(value));
  }
  return out;
}

// The key of a provider, which the gateway stands in for.
bool IsKeyOfModels(const std::string& name, const std::string& value) {
  return name.ends_with("_API_KEY") && value.find("${") != std::string::npos;
}

struct AgentConfig {
  std::string id, folder, kwargs_type = "omegaconf";
  Pairs kwargs, env;
  std::string wall, nodes;
  std::vector<std::string> notes;
};

// What is a budget or the gateway's leaves the environment.
void SortEnvironment(Pairs all, AgentConfig& out) {
  for (auto& [name, value] : all) {
    if (name == "TIME_LIMIT_SECS") {
      out.wall = value + " s";
    } else if (name == "STEP_LIMIT") {
      out.nodes = value;
    } else if (IsKeyOfModels(name, value)) {
      out.notes.push_back(name + " is the gateway's: name the models it asks in gateway.models");
    } else {
      out.env.emplace_back(name, value);
    }
  }
}

// "aide/gpt-4o" is "aide-gpt-4o" here.
Result<std::string> IdOf(const std::string& name, const YamlNode& node) {
  std::string id = Lower(name);
  std::ranges::replace(id, '/', '-');
  auto parsed = AgentId::Parse(id);
  if (!parsed) return node.Complain(parsed.error().message);
  return id;
}

Result<AgentConfig> ReadAgent(const std::string& name, const std::string& folder,
                              const YamlNode& merged) {
  AgentConfig out{.folder = folder};
  PODIUM_ASSIGN(out.id, IdOf(name, merged));
  const YamlNode* start = Find(merged, "start");
  if (start->scalar != folder + "/start.sh")
    return start->Complain("Podium runs an agent's own start.sh, " + folder +
                           "/start.sh, and not '" + Printable(start->scalar) + "'");
  if (const YamlNode* type = Find(merged, "kwargs_type")) {
    out.kwargs_type = type->scalar;
    if (out.kwargs_type != "omegaconf" && out.kwargs_type != "argparse")
      return type->Complain("'kwargs_type' is argparse or omegaconf");
  }
  PODIUM_ASSIGN(out.kwargs, TextsOf(Find(merged, "kwargs")));
  PODIUM_ASSIGN(auto env, TextsOf(Find(merged, "env_vars")));
  SortEnvironment(std::move(env), out);
  const YamlNode* privileged = Find(merged, "privileged");
  if (privileged && Lower(privileged->scalar) == "true")
    out.notes.push_back("it asks for a privileged container, which there is none of");
  if (Find(merged, "dockerfile"))
    out.notes.push_back(
        "what its Dockerfile installs is not here: `podium image import` of what "
        "docker build and docker save make of it, and `image:` in the run");
  return out;
}

// Those of one config.yaml: mappings that say how they are started, but the one that others are
// made from.
Result<std::vector<AgentConfig>> ReadConfig(const std::string& folder, const YamlNode& root) {
  std::vector<AgentConfig> out;
  for (const auto& [id, node] : root.entries) {
    if (node.kind != YamlNode::Kind::kMap || id == "defaults" || id == "vars") continue;
    PODIUM_ASSIGN(auto merged, Merged(node));
    if (!Find(merged, "start")) continue;
    PODIUM_ASSIGN(auto agent, ReadAgent(id, folder, merged));
    out.push_back(std::move(agent));
  }
  return out;
}

std::string MapText(const Pairs& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs)
    out += "    " + Json(name).dump() + ": " + Json(value).dump() + "\n";
  return out;
}

std::string AgentYaml(const AgentConfig& agent, bool instructions) {
  std::string out = "# Made by `podium agents import mle-bench`.\n";
  for (const auto& note : agent.notes) out += "# " + note + "\n";
  out += "schema: podium-agent/1\nid: " + agent.id +
         "\nscaffold: program\nprogram:\n  folder: " + Json(agent.folder).dump() + "\n";
  if (instructions) out += std::string("  instructions: ") + kInstructions + "\n";
  if (!agent.kwargs.empty())
    out += "  kwargs_type: " + agent.kwargs_type + "\n  kwargs:\n" + MapText(agent.kwargs);
  if (!agent.env.empty()) out += "  env:\n" + MapText(agent.env);
  if (!agent.wall.empty() || !agent.nodes.empty()) out += "budget:\n";
  if (!agent.wall.empty()) out += "  wall: " + agent.wall + "\n";
  if (!agent.nodes.empty()) out += "  nodes: " + agent.nodes + "\n";
  return out;
}

Status WriteNew(const fs::path& file, std::string_view text, unsigned mode = 0644) {
  std::error_code ec;
  if (fs::exists(fs::symlink_status(file, ec)))
    return Fail(ErrorCode::kUsage, file.string() +
                                       " is there already: remove it, or give --to "
                                       "another folder");
  PODIUM_TRY(MakeDirs(file.parent_path()));
  return WriteFileAtomic(file, text, mode);
}

Status CopyFolder(const ForeignFolder& from, const fs::path& to) {
  PODIUM_ASSIGN(auto entries, from.List(kBounds));
  for (const auto& entry : entries) {
    if (entry.folder) continue;
    PODIUM_ASSIGN(auto bytes, from.Read(entry.name, kLongestFile));
    PODIUM_TRY(WriteNew(to / entry.name, bytes, entry.executable ? 0755 : 0644));
  }
  return {};
}

Result<std::vector<AgentConfig>> ReadFolder(const ForeignFolder& agents, const std::string& name) {
  std::string file = name + "/config.yaml";
  PODIUM_ASSIGN(auto text, agents.Read(file, kLongestConfig));
  PODIUM_ASSIGN(auto root, ParseYaml(text, (agents.path() / file).string()));
  return ReadConfig(name, root);
}

// The folders of agents/ that have a config.yaml.
Result<std::set<std::string>> FoldersOf(const ForeignFolder& agents) {
  std::set<std::string> out;
  PODIUM_ASSIGN(auto entries, agents.List(kBounds));
  for (const auto& entry : entries) {
    std::size_t slash = entry.name.find('/');
    if (slash != std::string::npos && entry.name.substr(slash) == "/config.yaml")
      out.insert(entry.name.substr(0, slash));
  }
  if (out.empty())
    return Fail(ErrorCode::kConfig, agents.path().string() +
                                        " holds no NAME/config.yaml: expected a checkout of "
                                        "MLE-bench");
  return out;
}

}  // namespace

Result<std::vector<ImportedAgent>> ImportMleBenchAgents(const fs::path& checkout,
                                                        const fs::path& to, bool instructions) {
  PODIUM_ASSIGN(auto root, ForeignFolder::Open(checkout));
  PODIUM_ASSIGN(auto agents, root.Folder("agents"));
  PODIUM_ASSIGN(auto folders, FoldersOf(agents));
  std::vector<ImportedAgent> out;
  if (instructions) {
    PODIUM_ASSIGN(auto text, root.Read("environment/instructions.txt", kLongestConfig));
    PODIUM_TRY(WriteNew(to / kInstructions, text));
  }
  for (const auto& name : folders) {
    PODIUM_ASSIGN(auto configs, ReadFolder(agents, name));
    if (configs.empty()) continue;
    PODIUM_ASSIGN(auto folder, agents.Folder(name));
    PODIUM_TRY(CopyFolder(folder, to / name));
    for (const auto& config : configs) {
      fs::path file = to / (config.id + ".yaml");
      PODIUM_TRY(WriteNew(file, AgentYaml(config, instructions)));
      out.push_back({config.id, file, config.notes});
    }
  }
  return out;
}

}  // namespace podium::agents
