#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace podium {

// A parsed YAML value that knows its place, so that every complaint can say "file:line". Plain
// values, no yaml-cpp.
struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  std::string scalar;
  bool quoted = false;  // "1" in quotes is text, not a number
  std::vector<YamlNode> items;
  struct Entry;
  std::vector<Entry> entries;  // in file order, keys unique
  int line = 0;                // 1-based
  std::string file;

  [[nodiscard]] std::string place() const { return file + ":" + std::to_string(line); }
  [[nodiscard]] tl::unexpected<Error> Complain(const std::string& message) const;

  [[nodiscard]] Result<std::string> AsString() const;
  [[nodiscard]] Result<std::int64_t> AsInt() const;
  [[nodiscard]] Result<double> AsDouble() const;
  [[nodiscard]] Result<bool> AsBool() const;
  [[nodiscard]] Result<std::vector<std::string>> AsStrings() const;  // a list of scalars
  // "512 MiB", "2 GiB", "64 KiB", or a plain number of bytes.
  [[nodiscard]] Result<std::uint64_t> AsBytes() const;
  // "90 s", "5 min", "24 h", "250 ms"; a bare number is an error (which unit?).
  [[nodiscard]] Result<std::int64_t> AsMillis() const;
};

// A pair in all but its type, which a vector may name before it is complete.
struct YamlNode::Entry {
  std::string first;  // the key
  YamlNode second;
};

// Parses one document. Duplicate keys, tags, more than 100,000 nodes (alias bombs) and depth over
// 64 are errors.
[[nodiscard]] Result<YamlNode> ParseYaml(std::string_view text, std::string_view file);
[[nodiscard]] Result<YamlNode> ReadYaml(const std::filesystem::path& path);

// Reads a mapping key by key; Finish() turns every key nobody asked for into an error with a
// suggestion.
class YamlMap {
 public:
  [[nodiscard]] static Result<YamlMap> From(const YamlNode& node);

  // The value, or nullptr when absent or null. The pointer lives as long as the node given to From.
  [[nodiscard]] const YamlNode* Get(std::string_view key);
  [[nodiscard]] Result<const YamlNode*> Require(std::string_view key);
  [[nodiscard]] Result<std::string> String(std::string_view key);  // required
  [[nodiscard]] Result<std::string> StringOr(std::string_view key, std::string fallback);
  [[nodiscard]] Result<std::int64_t> IntOr(std::string_view key, std::int64_t fallback);
  [[nodiscard]] Result<double> DoubleOr(std::string_view key, double fallback);
  [[nodiscard]] Result<bool> BoolOr(std::string_view key, bool fallback);
  [[nodiscard]] Status Finish() const;

 private:
  explicit YamlMap(const YamlNode& node) : node_(&node) {}
  const YamlNode* node_;
  std::vector<std::string> known_;
};

}  // namespace podium
