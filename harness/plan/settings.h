#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/yaml.h"

namespace podium::harness {

// One thing a user can set. `name` is the key in YAML ("budget.wall" is `budget: {wall: ...}`), in
// --set, and, upper-cased with underscores after PODIUM_, in the environment.
struct SettingSpec {
  std::string_view name;
  std::string_view fallback;  // the default, as text
  std::string_view help;
};
[[nodiscard]] std::span<const SettingSpec> KnownSettings();

struct Setting {
  std::string value;
  std::string origin;  // "default", "configs/runs/x.yaml:4", "environment PODIUM_JOBS", "--jobs"
};

// Layers of settings: defaults under files under the environment under flags. Every value keeps
// where it came from, for
// --print-config and for messages. Unknown names are errors with a suggestion at the layer that
// holds them.
class Settings {
 public:
  Settings();  // the defaults

  [[nodiscard]] Status ApplyYaml(const YamlNode& root,
                                 std::span<const std::string_view> also_allowed);
  // Every variable that begins with PODIUM_ must be known ("PODIUM_CACHE", "PODIUM_HOME",
  // "PODIUM_RUNS" are other parts').
  [[nodiscard]] Status ApplyEnvironment(const char* const* environment);
  [[nodiscard]] Status Set(const std::string& name, const std::string& value,
                           const std::string& origin);

  // Values of `lower` fill what is still at its default here.
  void FillFrom(const Settings& lower);

  // These settings with every task, agent and seed that `before` names as well: what a run holds
  // that was begun with `before` and continued with these.
  [[nodiscard]] Result<Settings> GrownFrom(const Settings& before) const;

  // The settings of one agent: those that an entry `{id: NAME, budget: {...}}` of `agents` gives it
  // stand over the file's, under the environment and the flags.
  [[nodiscard]] Settings ForAgent(const std::string& name) const;
  using Values = std::map<std::string, Setting, std::less<>>;
  [[nodiscard]] const std::map<std::string, Values>& per_agent() const { return per_agent_; }

  [[nodiscard]] const Setting& Get(std::string_view name) const;
  [[nodiscard]] bool IsDefault(std::string_view name) const {
    return Get(name).origin == "default";
  }
  [[nodiscard]] const Values& all() const { return values_; }

  // Typed readings; errors name the origin.
  [[nodiscard]] Result<std::int64_t> Int(std::string_view name, std::int64_t least,
                                         std::int64_t most) const;
  [[nodiscard]] Result<double> Double(std::string_view name, double least, double most) const;
  [[nodiscard]] Result<bool> Bool(std::string_view name) const;
  [[nodiscard]] Result<Millis> Duration(std::string_view name) const;
  [[nodiscard]] Result<std::uint64_t> Bytes(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> List(std::string_view name) const;  // comma-separated

 private:
  [[nodiscard]] Status Apply(const YamlNode& node, const std::string& prefix,
                             std::span<const std::string_view> also_allowed);
  [[nodiscard]] YamlNode AsNode(std::string_view name) const;
  [[nodiscard]] Result<std::string> ApplyAgents(const YamlNode& list);
  Values values_;
  std::map<std::string, Values> per_agent_;  // by agent as named in `agents`
};

// The settings that say which trials there are, not what a trial is: a run may grow by them.
[[nodiscard]] bool ChoosesTrials(std::string_view name);

// Those that an agent's own settings cannot change: which trials there are, and what isolates them.
[[nodiscard]] bool IsWholeRuns(std::string_view name);

}  // namespace podium::harness
