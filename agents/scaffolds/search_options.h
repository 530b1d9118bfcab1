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

// The one that search.preset names; "auto" is the first.
template <class Preset, std::size_t N>
[[nodiscard]] Result<Preset> FindPreset(const OptionReader& options,
                                        const std::pair<std::string_view, Preset> (&presets)[N]) {
  std::string name = options.Text("search.preset");
  if (name == "auto") return presets[0].second;
  std::string_view names[N];
  for (std::size_t i = 0; i < N; ++i) {
    if (presets[i].first == name) return presets[i].second;
    names[i] = presets[i].first;
  }
  return tl::unexpected(NoSuchChoice(options, "search.preset", names));
}

}  // namespace podium::agents
