#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "agents/options.h"

namespace podium::agents {

// An option's text that leaves its value to the scaffold and its preset.
inline constexpr std::string_view kPresets = "preset";

// What a preset says of a trial's budget, where the user says nothing.
struct PresetBudget {
  std::optional<int> nodes;
  std::optional<Millis> exec;
};

// `out` stays as it is where the option is left to the preset.
[[nodiscard]] Status TakeInt(const OptionReader& options, std::string_view name, int least,
                             int most, int& out);
[[nodiscard]] Status TakeDouble(const OptionReader& options, std::string_view name, double least,
                                double most, double& out);

// budget.nodes as the user gave it, else the preset's, else the default.
[[nodiscard]] Result<int> NodesOf(const OptionReader& options, const PresetBudget& preset);

// An error (kConfig) that lists what there is.
[[nodiscard]] Error NoSuchChoice(const OptionReader& options, std::string_view name,
                                 std::span<const std::string_view> choices);

// The one that the option names.
template <class Value, std::size_t N>
[[nodiscard]] Result<Value> FindChoice(const OptionReader& options, std::string_view option,
                                       const std::pair<std::string_view, Value> (&choices)[N]) {
  std::string name = options.Text(option);
  std::string_view names[N];
  for (std::size_t i = 0; i < N; ++i) {
    if (choices[i].first == name) return choices[i].second;
    names[i] = choices[i].first;
  }
  return tl::unexpected(NoSuchChoice(options, option, names));
}

// The one that search.preset names; "auto" is the first.
template <class Preset, std::size_t N>
[[nodiscard]] Result<Preset> FindPreset(const OptionReader& options,
                                        const std::pair<std::string_view, Preset> (&presets)[N]) {
  if (options.Text("search.preset") == "auto") return presets[0].second;
  return FindChoice(options, "search.preset", presets);
}

}  // namespace podium::agents
