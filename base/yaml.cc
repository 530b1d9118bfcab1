#include "base/yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/files.h"
#include "base/text.h"

namespace podium {
namespace {

class Converter {
 public:
  explicit Converter(std::string file) : file_(std::move(file)) {}

  Result<YamlNode> Convert(const YAML::Node& in, int depth) {
    YamlNode out;
    out.file = file_;
    out.line = in.Mark().line + 1;
    if (depth > 64) return out.Complain("nested deeper than 64 levels");
    if (++count_ > 100'000) return out.Complain("more than 100,000 values (an alias bomb?)");
    switch (in.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return out;
      case YAML::NodeType::Scalar:
        return Scalar(in, std::move(out));
      case YAML::NodeType::Sequence:
        return List(in, std::move(out), depth);
      case YAML::NodeType::Map:
        return Map(in, std::move(out), depth);
    }
    return out;
  }

 private:
  static Result<YamlNode> Scalar(const YAML::Node& in, YamlNode out) {
    const std::string& tag = in.Tag();
    if (!tag.empty() && tag != "?" && tag != "!")
      return out.Complain("YAML tags are not used here: " + tag);
    out.kind = YamlNode::Kind::kScalar;
    out.quoted = tag == "!";
    out.scalar = in.Scalar();
    return out;
  }

  Result<YamlNode> List(const YAML::Node& in, YamlNode out, int depth) {
    out.kind = YamlNode::Kind::kList;
    for (const auto& item : in) {
      PODIUM_ASSIGN(auto child, Convert(item, depth + 1));
      out.items.push_back(std::move(child));
    }
    return out;
  }

  Result<YamlNode> Map(const YAML::Node& in, YamlNode out, int depth) {
    out.kind = YamlNode::Kind::kMap;
    for (const auto& entry : in) {
      PODIUM_ASSIGN(auto value, Convert(entry.second, depth + 1));
      if (!entry.first.IsScalar()) return out.Complain("a key must be a plain word");
      value.line = entry.first.Mark().line + 1;
      const std::string& key = entry.first.Scalar();
      for (const auto& [old_key, old] : out.entries) {
        if (old_key == key) {
          return value.Complain("key '" + key + "' was given before, on line " +
                                std::to_string(old.line));
        }
      }
      out.entries.push_back({key, std::move(value)});
    }
    return out;
  }

  std::string file_;
  int count_ = 0;
};

// Splits "512 MiB" into number and unit; false if it does not begin with a number.
bool NumberAndUnit(std::string_view text, double& number, std::string_view& unit) {
  text = Trim(text);
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc() || !std::isfinite(number) || number < 0) return false;
  unit = Trim(text.substr(static_cast<std::size_t>(end - text.data())));
  return true;
}

}  // namespace

tl::unexpected<Error> YamlNode::Complain(const std::string& message) const {
  return Fail(ErrorCode::kConfig, place() + ": " + message);
}

Result<std::string> YamlNode::AsString() const {
  if (kind != Kind::kScalar) return Complain("expected a text value");
  return scalar;
}

Result<std::int64_t> YamlNode::AsInt() const {
  std::int64_t value = 0;
  auto end = scalar.data() + scalar.size();
  if (kind == Kind::kScalar && !quoted) {
    auto [at, ec] = std::from_chars(scalar.data(), end, value);
    if (ec == std::errc() && at == end) return value;
  }
  return Complain("expected a whole number" + (scalar.empty() ? "" : ", found '" + scalar + "'"));
}

Result<double> YamlNode::AsDouble() const {
  double value = 0;
  auto end = scalar.data() + scalar.size();
  if (kind == Kind::kScalar && !quoted) {
    auto [at, ec] = std::from_chars(scalar.data(), end, value);
    if (ec == std::errc() && at == end && std::isfinite(value)) return value;
  }
  return Complain("expected a number" + (scalar.empty() ? "" : ", found '" + scalar + "'"));
}

Result<bool> YamlNode::AsBool() const {
  if (kind == Kind::kScalar && !quoted && scalar == "true") return true;
  if (kind == Kind::kScalar && !quoted && scalar == "false") return false;
  return Complain("expected true or false" + (scalar.empty() ? "" : ", found '" + scalar + "'"));
}

Result<std::vector<std::string>> YamlNode::AsStrings() const {
  if (kind != Kind::kList) return Complain("expected a list");
  std::vector<std::string> out;
  for (const auto& item : items) {
    PODIUM_ASSIGN(auto text, item.AsString());
    out.push_back(std::move(text));
  }
  return out;
}

Result<std::uint64_t> YamlNode::AsBytes() const {
  double number = 0;
  std::string_view unit;
  if (kind == Kind::kScalar && NumberAndUnit(scalar, number, unit)) {
    static constexpr std::pair<std::string_view, double> kUnits[] = {{"", 1},
                                                                     {"B", 1},
                                                                     {"KiB", 1024},
                                                                     {"MiB", 1048576},
                                                                     {"GiB", 1073741824},
                                                                     {"TiB", 1099511627776.0}};
    for (auto [name, factor] : kUnits) {
      if (unit == name && number * factor < 1e18)
        return static_cast<std::uint64_t>(number * factor);
    }
  }
  return Complain("expected a size such as '512 MiB' or '4 GiB', found '" + scalar + "'");
}

Result<std::int64_t> YamlNode::AsMillis() const {
  double number = 0;
  std::string_view unit;
  if (kind == Kind::kScalar && NumberAndUnit(scalar, number, unit)) {
    static constexpr std::pair<std::string_view, double> kUnits[] = {
        {"ms", 1}, {"s", 1000}, {"min", 60e3}, {"h", 3600e3}};
    for (auto [name, factor] : kUnits) {
      if (unit == name && number * factor < 1e15) return static_cast<std::int64_t>(number * factor);
    }
  }
  return Complain("expected a time such as '90 s', '5 min' or '24 h', found '" + scalar + "'");
}

Result<YamlNode> ParseYaml(std::string_view text, std::string_view file) {
  try {
    return Converter(std::string(file)).Convert(YAML::Load(std::string(text)), 0);
  } catch (const YAML::Exception& e) {
    YamlNode at;
    at.file = file;
    at.line = e.mark.line + 1;
    return at.Complain("not valid YAML: " + e.msg);
  }
}

Result<YamlNode> ReadYaml(const std::filesystem::path& path) {
  PODIUM_ASSIGN(auto text, ReadFile(path, 16 << 20));
  return ParseYaml(text, path.string());
}

Result<YamlMap> YamlMap::From(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::kMap) return node.Complain("expected a mapping (key: value)");
  return YamlMap(node);
}

const YamlNode* YamlMap::Get(std::string_view key) {
  known_.emplace_back(key);
  for (const auto& [name, value] : node_->entries) {
    if (name == key) return value.kind == YamlNode::Kind::kNull ? nullptr : &value;
  }
  return nullptr;
}

Result<const YamlNode*> YamlMap::Require(std::string_view key) {
  if (const YamlNode* value = Get(key)) return value;
  return node_->Complain("key '" + std::string(key) + "' is missing");
}

Result<std::string> YamlMap::String(std::string_view key) {
  PODIUM_ASSIGN(const YamlNode* value, Require(key));
  return value->AsString();
}

Result<std::string> YamlMap::StringOr(std::string_view key, std::string fallback) {
  const YamlNode* value = Get(key);
  return value ? value->AsString() : Result<std::string>(std::move(fallback));
}

Result<std::int64_t> YamlMap::IntOr(std::string_view key, std::int64_t fallback) {
  const YamlNode* value = Get(key);
  return value ? value->AsInt() : Result<std::int64_t>(fallback);
}

Result<double> YamlMap::DoubleOr(std::string_view key, double fallback) {
  const YamlNode* value = Get(key);
  return value ? value->AsDouble() : Result<double>(fallback);
}

Result<bool> YamlMap::BoolOr(std::string_view key, bool fallback) {
  const YamlNode* value = Get(key);
  return value ? value->AsBool() : Result<bool>(fallback);
}

Status YamlMap::Finish() const {
  for (const auto& [key, value] : node_->entries) {
    if (std::ranges::find(known_, key) != known_.end()) continue;
    std::string hint = Suggest(key, known_);
    if (hint.empty()) hint = " Known keys: " + Join(known_, ", ") + ".";
    return value.Complain("unknown key '" + key + "'." + hint);
  }
  return {};
}

}  // namespace podium
