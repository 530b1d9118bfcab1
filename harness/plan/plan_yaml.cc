// The plan as YAML: what `--print-config` shows and what a run's name is a digest of.
#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "harness/plan/plan.h"

namespace podium::harness {
namespace {

// As a value in a flow of YAML.
std::string FlowText(const std::string& value) {
  bool plain = !value.empty() && value.find_first_of(",:{}[]#&*!|>'\"%@`\n") == std::string::npos;
  return plain ? value : DumpJson(Json(value));
}

// As a value of its own: text that YAML would read otherwise is quoted. Lists and mappings are
// written as they are.
std::string ScalarText(const std::string& value) {
  if (value.empty()) return "\"\"";
  if (std::string_view("[{\n").find(value.front()) != std::string_view::npos) return value;
  bool other = value.find(": ") != value.npos || value.find(" #") != value.npos ||
               value.ends_with(':') ||
               std::string_view("&*!|>'\"%@`").find(value.front()) != std::string_view::npos;
  return other ? DumpJson(Json(value)) : value;
}

std::string EntryYaml(const std::string& name, const AgentEntry& entry) {
  std::string item = "{id: " + FlowText(entry.agent), group;
  if (entry.named) item += ", as: " + name;
  for (const auto& [key, setting] : entry.values) {
    std::size_t dot = key.find('.');
    std::string of = dot == std::string::npos ? "" : key.substr(0, dot);
    if (!group.empty() && of != group) item += '}';
    item += ", ";
    if (!of.empty() && of != group) item += of + ": {";
    item += key.substr(dot == std::string::npos ? 0 : dot + 1) + ": " + FlowText(setting.value);
    group = of;
  }
  return item + (group.empty() ? "}" : "}}");
}

// The list of agents with what each alone is given: "[a, {id: b, budget: {nodes: 8}}]"; a line each
// where entries have names of their own.
std::string AgentsYaml(const Settings& settings) {
  std::vector<std::string> items;
  bool named = false;
  for (const auto& name : settings.List("agents")) {
    auto own = settings.per_agent().find(name);
    items.push_back(own == settings.per_agent().end() ? name : EntryYaml(name, own->second));
    named = named || (own != settings.per_agent().end() && own->second.named);
  }
  return named ? "\n  - " + Join(items, "\n  - ") : "[" + Join(items, ", ") + "]";
}

// Runs that do not set them keep the names that they had.
bool CameLater(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "llm.format",     "gateway.tls",      "program.args",         "program.env",
      "program.grace",  "program.kwargs",   "program.instructions", "program.kwargs_type",
      "knowledge.mode", "knowledge.corpus", "knowledge.passages",   "instruction"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

bool IsFallback(const std::string& name, const std::string& value) {
  auto known = std::ranges::find(KnownSettings(), name, &agents::OptionSpec::name);
  return known != KnownSettings().end() && known->fallback == value;
}

}  // namespace

std::string PlanYaml(const RunPlan& plan, bool with_origins) {
  return PlanYaml(plan, plan.settings, with_origins);
}

std::string PlanYaml(const RunPlan& plan, const Settings& settings, bool with_origins) {
  std::string out = "schema: podium-run/1\n";
  std::string group;
  for (const auto& [name, setting] : settings.all()) {
    if (!with_origins && ChangesNoResult(name)) continue;
    if (!with_origins && CameLater(name) && IsFallback(name, setting.value)) continue;
    std::size_t dot = name.find('.');
    std::string_view key = name;
    if (dot != std::string::npos) {
      if (group != name.substr(0, dot)) out += name.substr(0, dot) + ":\n";
      key.remove_prefix(dot + 1);
    }
    group = dot == std::string::npos ? "" : name.substr(0, dot);
    std::string line = (group.empty() ? "" : "  ") + std::string(key) + ": ";
    std::string value = name == "name" ? plan.name : setting.value;
    if (name == "agents" && !settings.per_agent().empty()) value = AgentsYaml(settings);
    if (value.starts_with('\n')) line.pop_back();  // a list below
    line += ScalarText(value);
    if (with_origins && value.find('\n') == std::string::npos) {
      line.resize(std::max<std::size_t>(line.size(), 46), ' ');
      line += "  # " + setting.origin;
    }
    out += line + "\n";
  }
  return out;
}

}  // namespace podium::harness
