#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace podium::agents {

// One thing that a user can set of a scaffold or a proposer. `name` is the key in YAML
// ("search.drafts" is `search: {drafts: ...}`), in --set and, upper-cased after PODIUM_, in the
// environment.
struct OptionSpec {
  std::string name;
  std::string fallback;  // the default, as text
  std::string help;
  bool is_path = false;  // names a file or folder of the user's
  bool or_name = false;  // of a path: without a '/' it is a name of something shipped
  // More than one value, kept as JSON: in YAML a list of texts, which may hold commas, or a mapping
  // of names to texts.
  enum class Shape { kText, kWords, kMap } shape = Shape::kText;
};

// The options' values as an agent has them. Errors (kConfig) name where the value came from.
class OptionReader {
 public:
  virtual ~OptionReader() = default;
  [[nodiscard]] virtual std::string Text(std::string_view name) const = 0;
  // Where it was given: "configs/agents/x.yaml:4", "--nodes", "default".
  [[nodiscard]] virtual std::string Origin(std::string_view name) const = 0;
  [[nodiscard]] virtual Result<std::int64_t> Int(std::string_view name, std::int64_t least,
                                                 std::int64_t most) const = 0;
  [[nodiscard]] virtual Result<double> Double(std::string_view name, double least,
                                              double most) const = 0;
  [[nodiscard]] virtual Result<bool> Bool(std::string_view name) const = 0;
  [[nodiscard]] virtual Result<Millis> Duration(std::string_view name) const = 0;
  // Comma-separated.
  [[nodiscard]] virtual std::vector<std::string> List(std::string_view name) const = 0;

  // Of Shape::kWords: a JSON list of texts, or, as people type it, words with a blank between them.
  [[nodiscard]] Result<std::vector<std::string>> Words(std::string_view name) const;
  // Of Shape::kMap, in the order given: a JSON object of texts, or NAME=value with commas between.
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  [[nodiscard]] Result<Pairs> Map(std::string_view name) const;
};

}  // namespace podium::agents
