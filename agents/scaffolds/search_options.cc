#include "agents/scaffolds/search_options.h"

#include <vector>

#include "base/text.h"

namespace podium::agents {

Status TakeInt(const OptionReader& options, std::string_view name, int least, int most, int& out) {
  if (options.Text(name) == kPresets) return {};
  PODIUM_ASSIGN(auto value, options.Int(name, least, most));
  out = static_cast<int>(value);
  return {};
}

Status TakeDouble(const OptionReader& options, std::string_view name, double least, double most,
                  double& out) {
  if (options.Text(name) == kPresets) return {};
  PODIUM_ASSIGN(out, options.Double(name, least, most));
  return {};
}

Result<int> NodesOf(const OptionReader& options, const PresetBudget& preset) {
  if (preset.nodes && options.Origin("budget.nodes") == "default") return *preset.nodes;
  PODIUM_ASSIGN(auto nodes, options.Int("budget.nodes", 1, 1'000'000));
  return static_cast<int>(nodes);
}

Error NoSuchChoice(const OptionReader& options, std::string_view name,
                   std::span<const std::string_view> choices) {
  std::vector<std::string> names(choices.begin(), choices.end());
  std::string text = options.Text(name);
  return Fail(ErrorCode::kConfig, options.Origin(name) + ": '" + std::string(name) +
                                      "' is one of " + Join(names, ", ") + ", not '" + text + "'." +
                                      Suggest(text, names))
      .value();
}

}  // namespace podium::agents
