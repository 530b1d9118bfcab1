#include "harness/plan/usable.h"

#include <algorithm>
#include <set>

#include "agents/proposers/llm/prompt_options.h"
#include "base/text.h"

namespace podium::harness {
namespace {

using Names = std::set<std::string, std::less<>>;

void AddGroup(std::string_view prefix, Names& out) {
  for (const auto& s : KnownSettings()) {
    if (s.name.starts_with(prefix)) out.insert(s.name);
  }
}

const Names kModelBudgets = {"budget.requests", "budget.tokens", "budget.usd"};

// What is some agents' alone.
const Names& Particular() {
  static const Names all = [] {
    Names out = {"proposer", "model", "budget.nodes", "budget.exec"};
    AddGroup("llm.", out);
    AddGroup("gateway.", out);
    AddGroup("knowledge.", out);
    for (const auto& option : agents::PromptOptions()) out.insert(option.name);
    out.insert(kModelBudgets.begin(), kModelBudgets.end());
    for (const auto& scaffold : agents::Scaffolds()) {
      for (const auto& option : scaffold.options) out.insert(option.name);
      out.insert(scaffold.also_usable.begin(), scaffold.also_usable.end());
    }
    return out;
  }();
  return all;
}

Names UsableBy(const AgentPlan& agent) {
  Names out(agent.scaffold->also_usable.begin(), agent.scaffold->also_usable.end());
  for (const auto& option : agent.scaffold->options) out.insert(option.name);
  bool asks_models = agent.asks_model();
  if (agent.scaffold->takes_proposer) out.insert({"proposer", "model"});
  if (asks_models) {
    AddGroup("llm.", out);
    bool roles = agent.proposer == "llm";
    std::erase_if(out, [&](const auto& name) { return !roles && name.starts_with("llm.models."); });
    if (agent.scaffold->takes_proposer) {
      for (const auto& option : agents::PromptOptions()) out.insert(option.name);
    }
    out.insert({"model", "gateway.catalogue", "gateway.mode"});
  }
  if (agent.scaffold->uses_gateway) {
    AddGroup("gateway.", out);
    if (!agent.gateway.models.empty()) AddGroup("llm.faults.", out);
    out.insert({"llm.request_timeout", "llm.idle_timeout"});
  }
  if (asks_models || agent.scaffold->uses_gateway) AddGroup("knowledge.", out);
  if (asks_models || agent.scaffold->uses_gateway)
    out.insert(kModelBudgets.begin(), kModelBudgets.end());
  return out;
}

std::string WhatItHas(const AgentPlan& agent, const std::string& key) {
  Names names = UsableBy(agent);
  std::vector<std::string> has(names.begin(), names.end());
  std::string what = "scaffold '" + agent.scaffold->name + "'" +
                     (agent.proposer.empty() ? "" : " with proposer '" + agent.proposer + "'");
  if (has.empty()) return what + " has no options of its own";
  return what + " has " + Join(has, ", ") + "." + Suggest(key, has);
}

// Given by the agent's own file or entry.
bool IsOwn(const Setting& setting) {
  return setting.layer == Layer::kAgentFile || setting.layer == Layer::kAgentEntry;
}

// What a run's file says of all agents may say what holds anyway: `--print-config` writes it all.
bool SaysNothing(const std::string& key, const Setting& setting) {
  auto known = std::ranges::find(KnownSettings(), key, &agents::OptionSpec::name);
  return setting.layer == Layer::kRunFile && known != KnownSettings().end() &&
         known->fallback == setting.value;
}

// A budget of the whole run bounds those who spend it; the others keep to it as they are.
bool IsWholeRunsWord(const std::string& key, const Setting& setting) {
  return (setting.layer == Layer::kRunFile || setting.layer == Layer::kFlag) &&
         !key.starts_with("budget.");
}

}  // namespace

Status CheckUsed(const std::vector<std::unique_ptr<AgentPlan>>& agents) {
  Names used;
  for (const auto& agent : agents) used.merge(UsableBy(*agent));
  for (const auto& agent : agents) {
    Names own = UsableBy(*agent);
    for (const auto& [key, setting] : agent->settings.all()) {
      if (!Particular().contains(key)) continue;
      bool refused =
          (IsOwn(setting) && !own.contains(key)) ||
          (IsWholeRunsWord(key, setting) && !SaysNothing(key, setting) && !used.contains(key));
      if (!refused) continue;
      return Fail(ErrorCode::kConfig, setting.origin + ": agent '" + agent->id.str() +
                                          "' cannot use '" + key + "': " + WhatItHas(*agent, key));
    }
  }
  return {};
}

}  // namespace podium::harness
