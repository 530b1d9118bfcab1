#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agents/options.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/yaml.h"
#include "harness/plan/matrix.h"

namespace podium::harness {

// Every setting there is: the run's, and the options of all scaffolds (agents/registry.h).
[[nodiscard]] const std::vector<agents::OptionSpec>& KnownSettings();

// Where a value comes from; each goes over those before it.
enum class Layer {
  kDefault,
  kAgentFile,   // configs/agents/x.yaml
  kRunFile,     // configs/runs/x.yaml
  kAgentEntry,  // `agents: [{id: x, budget: {...}}]` of a run file
  kEnvironment,
  kFlag,
};

struct Setting {
  std::string value;
  std::string origin;  // "default", "configs/runs/x.yaml:4", "environment PODIUM_JOBS", "--jobs"
  Layer layer = Layer::kDefault;
};

// One of a run's agents, where it is more than a name: what it alone is given.
struct AgentEntry {
  std::string agent;  // an agent file's id or path, or a scaffold
  std::map<std::string, Setting, std::less<>> values;
  bool named = false;  // under a name of its own: the same agent may be there with other values
};

// Layers of settings: defaults under files under the environment under flags. Every value keeps
// where it came from, for
// --print-config and for messages. Unknown names are errors with a suggestion at the layer that
// holds them.
class Settings final : public agents::OptionReader {
 public:
  Settings();  // the defaults

  [[nodiscard]] Status ApplyYaml(const YamlNode& root,
                                 std::span<const std::string_view> also_allowed,
                                 Layer layer = Layer::kRunFile);
  // Every variable that begins with PODIUM_ must be known ("PODIUM_CACHE", "PODIUM_HOME",
  // "PODIUM_RUNS" are other parts').
  [[nodiscard]] Status ApplyEnvironment(const char* const* environment);
  [[nodiscard]] Status Set(const std::string& name, const std::string& value,
                           const std::string& origin, Layer layer = Layer::kFlag);

  // Values of `lower` fill what is still at its default here.
  void FillFrom(const Settings& lower);

  // These settings with every task, agent and seed that `before` names as well: what a run holds
  // that was begun with `before` and continued with these.
  [[nodiscard]] Result<Settings> GrownFrom(const Settings& before) const;

  // The settings of one agent: those that an entry `{id: AGENT, as: NAME, budget: {...}}` of
  // `agents` gives it stand over the file's, under the environment and the flags.
  [[nodiscard]] Settings ForAgent(const std::string& name) const;
  using Values = std::map<std::string, Setting, std::less<>>;
  [[nodiscard]] const std::map<std::string, AgentEntry>& per_agent() const { return per_agent_; }
  // The agent that this name stands for: itself, but for an entry with a name of its own.
  [[nodiscard]] std::string AgentOf(const std::string& name) const;
  // By what a named entry differs from others: its agent and what it is given. Else nothing.
  [[nodiscard]] std::map<std::string, std::string> CellOf(const std::string& name) const;

  // Of `matrix:`, not yet expanded.
  [[nodiscard]] const Matrix& matrix() const { return matrix_; }
  // Adds an axis, "search.memory=none,simple".
  [[nodiscard]] Status Vary(const std::string& axis, const std::string& origin);
  // Of a cell of the matrix, with what an entry of its agent says already.
  [[nodiscard]] AgentEntry EntryOf(const Matrix::Cell& cell) const;
  // These are the agents now, and there is no matrix any more.
  void UseEntries(const std::vector<std::string>& names, std::map<std::string, AgentEntry> entries);

  [[nodiscard]] const Setting& Get(std::string_view name) const;
  [[nodiscard]] bool IsDefault(std::string_view name) const {
    return Get(name).layer == Layer::kDefault;
  }
  [[nodiscard]] const Values& all() const { return values_; }

  // Typed readings; errors name the origin.
  [[nodiscard]] Result<std::int64_t> Int(std::string_view name, std::int64_t least,
                                         std::int64_t most) const override;
  [[nodiscard]] Result<double> Double(std::string_view name, double least,
                                      double most) const override;
  [[nodiscard]] Result<bool> Bool(std::string_view name) const override;
  [[nodiscard]] Result<Millis> Duration(std::string_view name) const override;
  [[nodiscard]] Result<std::uint64_t> Bytes(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> List(std::string_view name) const override;
  [[nodiscard]] std::string Text(std::string_view name) const override { return Get(name).value; }
  [[nodiscard]] std::string Origin(std::string_view name) const override {
    return Get(name).origin;
  }

 private:
  [[nodiscard]] Status Apply(const YamlNode& node, const std::string& prefix,
                             std::span<const std::string_view> also_allowed, Layer layer);
  [[nodiscard]] YamlNode AsNode(std::string_view name) const;
  [[nodiscard]] Result<std::string> ApplyAgents(const YamlNode& list);
  Values values_;
  std::map<std::string, AgentEntry> per_agent_;  // by the name in `agents`
  Matrix matrix_;
};

// The names of all settings, and a setting's own name under another spelling of it.
[[nodiscard]] std::vector<std::string> SettingNames();
[[nodiscard]] std::string CanonicalSetting(const std::string& name);

// The settings that say how a run is worked on: with others its results are the same.
[[nodiscard]] bool ChangesNoResult(std::string_view name);

// Those, and the ones that say which trials there are, not what a trial is: a run may grow by them.
[[nodiscard]] bool ChoosesTrials(std::string_view name);

// Those that an agent's own settings cannot change: which trials there are, and what isolates them.
[[nodiscard]] bool IsWholeRuns(std::string_view name);

}  // namespace podium::harness
