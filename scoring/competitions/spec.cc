#include "scoring/competitions/spec.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <limits>
#include <memory>

#include "base/files.h"
#include "base/text.h"
#include "base/yaml.h"
#include "scoring/competitions/custom.h"
#include "scoring/competitions/rules.h"

namespace podium::scoring {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class T>
Result<T> OneOf(const YamlNode& node, std::initializer_list<std::pair<const char*, T>> choices) {
  PODIUM_ASSIGN(auto text, node.AsString());
  std::vector<std::string> names;
  for (const auto& [name, value] : choices) {
    if (text == name) return value;
    names.emplace_back(name);
  }
  return node.Complain("'" + text + "' is none of " + Join(names, ", ") + "." +
                       Suggest(text, names));
}

Result<std::string> Word(YamlMap& map, std::string_view key, const std::vector<std::string>& known,
                         const std::string& fallback) {
  const YamlNode* node = map.Get(key);
  if (node == nullptr) return fallback;
  PODIUM_ASSIGN(auto text, node->AsString());
  if (std::ranges::find(known, text) != known.end()) return text;
  return node->Complain(std::string(key) + " '" + text + "' is none of " + Join(known, ", ") + "." +
                        Suggest(text, known));
}

Result<std::vector<std::string>> Names(YamlMap& map, std::string_view key) {
  const YamlNode* node = map.Get(key);
  if (node == nullptr) return std::vector<std::string>();
  return node->AsStrings();
}

Result<Rule> ReadRule(const YamlNode& node) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  Rule rule;
  PODIUM_ASSIGN(const YamlNode* kind, map.Require("rule"));
  PODIUM_ASSIGN(rule.kind, kind->AsString());
  auto kinds = RuleKinds();
  if (std::ranges::find(kinds, rule.kind) == kinds.end())
    return kind->Complain("no rule '" + rule.kind + "'." + Suggest(rule.kind, kinds));
  PODIUM_ASSIGN(rule.columns, Names(map, "columns"));
  PODIUM_ASSIGN(rule.how, map.StringOr("how", ""));
  PODIUM_ASSIGN(rule.min, map.DoubleOr("min", -kInfinity));
  PODIUM_ASSIGN(rule.max, map.DoubleOr("max", kInfinity));
  PODIUM_ASSIGN(rule.raises, map.BoolOr("raises", false));
  PODIUM_TRY(map.Finish());
  return rule;
}

Result<MetricParams> ReadParams(const YamlNode* node) {
  MetricParams params;
  if (node == nullptr) return params;
  if (node->kind != YamlNode::Kind::kMap) return node->Complain("params must be a mapping");
  for (const auto& [name, value] : node->entries) {
    if (value.kind == YamlNode::Kind::kList) {
      PODIUM_ASSIGN(params[name], value.AsStrings());
    } else if (auto number = value.AsDouble(); number && !value.quoted) {
      params[name] = *number;
    } else {
      PODIUM_ASSIGN(params[name], value.AsString());
    }
  }
  return params;
}

Result<ModeSpec> ReadMode(YamlMap& map, const ModeSpec& base) {
  ModeSpec mode = base;
  if (const YamlNode* rules = map.Get("rules")) {
    mode.rules.clear();
    for (const YamlNode& item : rules->items) {
      PODIUM_ASSIGN(auto rule, ReadRule(item));
      mode.rules.push_back(std::move(rule));
    }
  }
  PODIUM_ASSIGN(mode.align,
                Word(map, "align", {"sort", "ordered", "none", "merge", "cover"}, base.align));
  if (const YamlNode* metric = map.Get("metric")) {
    PODIUM_ASSIGN(mode.metric, metric->AsString());
    auto found = FindMetric(mode.metric);
    if (!found && !FindCustomGrader(mode.metric)) return metric->Complain(found.error().message);
  }
  if (const YamlNode* targets = map.Get("targets")) {
    PODIUM_ASSIGN(mode.targets, targets->AsStrings());
  }
  if (const YamlNode* params = map.Get("params")) {
    PODIUM_ASSIGN(mode.params, ReadParams(params));
  }
  return mode;
}

// Columns of one type.
Status ReadStrictColumns(const YamlNode& node, std::vector<StrictColumn>& columns) {
  using Type = StrictColumn::Type;
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  StrictColumn column;
  PODIUM_ASSIGN(const YamlNode* type, map.Require("type"));
  PODIUM_ASSIGN(column.type, OneOf<Type>(*type, {{"number", Type::kNumber},
                                                 {"label", Type::kLabel},
                                                 {"text", Type::kText},
                                                 {"words", Type::kWords}}));
  PODIUM_ASSIGN(column.min, map.DoubleOr("min", -kInfinity));
  PODIUM_ASSIGN(column.max, map.DoubleOr("max", kInfinity));
  PODIUM_ASSIGN(const YamlNode* list, map.Require("names"));
  PODIUM_ASSIGN(auto names, list->AsStrings());
  for (std::string& name : names) {
    column.name = std::move(name);
    columns.push_back(column);
  }
  return map.Finish();
}

Status ReadStrict(const YamlNode& node, CompetitionSpec& spec) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  ModeSpec base = spec.compat;
  base.rules.clear();
  base.align = "sort";
  PODIUM_ASSIGN(spec.strict, ReadMode(map, base));
  spec.rules.may_have_more = spec.strict.align == "cover";
  PODIUM_ASSIGN(const YamlNode* columns, map.Require("columns"));
  for (const YamlNode& item : columns->items) {
    PODIUM_TRY(ReadStrictColumns(item, spec.rules.columns));
  }
  PODIUM_ASSIGN(spec.deviations, Names(map, "deviations"));
  return map.Finish();
}

Status ReadHead(YamlMap& map, CompetitionSpec& spec) {
  PODIUM_ASSIGN(spec.id, map.String("id"));
  PODIUM_ASSIGN(spec.split, Word(map, "split", {"low", "medium", "high", "dev"}, "dev"));
  PODIUM_ASSIGN(const YamlNode* direction, map.Require("lower_is_better"));
  PODIUM_ASSIGN(spec.lower_is_better, direction->AsBool());
  PODIUM_ASSIGN(spec.answers, map.String("answers"));
  PODIUM_ASSIGN(spec.answers_format, Word(map, "answers_format", {"csv", "nq-jsonl"}, "csv"));
  PODIUM_ASSIGN(spec.rules.id_columns, Names(map, "id_columns"));
  PODIUM_ASSIGN(spec.score_type,
                Word(map, "score_type", {"float", "float64", "int", "float64-or-int"}, "float"));
  return {};
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

std::string_view ModeText(Mode mode) { return mode == Mode::kCompat ? "compat" : "strict"; }

Result<Mode> ModeOf(std::string_view text) {
  if (text == "compat") return Mode::kCompat;
  if (text == "strict") return Mode::kStrict;
  return Fail(ErrorCode::kUsage,
              "grading mode '" + Printable(text) + "' is not known; there are compat and strict");
}

Result<CompetitionSpec> ParseCompetition(std::string_view yaml, std::string_view file) {
  PODIUM_ASSIGN(auto root, ParseYaml(yaml, file));
  PODIUM_ASSIGN(auto map, YamlMap::From(root));
  CompetitionSpec spec;
  spec.text = yaml;
  PODIUM_TRY(ReadHead(map, spec));
  PODIUM_ASSIGN(const YamlNode* compat, map.Require("compat"));
  PODIUM_ASSIGN(auto compat_map, YamlMap::From(*compat));
  PODIUM_ASSIGN(spec.compat, ReadMode(compat_map, {}));
  PODIUM_TRY(compat_map.Finish());
  if (spec.compat.metric.empty()) return compat->Complain("'metric' is missing");
  PODIUM_ASSIGN(const YamlNode* strict, map.Require("strict"));
  PODIUM_TRY(ReadStrict(*strict, spec));
  PODIUM_TRY(map.Finish());
  return spec;
}

Result<std::vector<std::string>> ListCompetitions(const std::filesystem::path& dir) {
  constexpr std::string_view kSuffix = ".yaml";
  std::unique_ptr<DIR, CloseFolder> folder(::opendir(dir.c_str()));
  if (!folder) return FailErrno(ErrorCode::kIo, "cannot list " + dir.string(), errno);
  std::vector<std::string> ids;
  while (const dirent* entry = ::readdir(folder.get())) {
    std::string_view name = entry->d_name;
    if (name.ends_with(kSuffix)) ids.emplace_back(name.substr(0, name.size() - kSuffix.size()));
  }
  std::ranges::sort(ids);
  return ids;
}

Result<CompetitionSpec> LoadCompetition(const std::filesystem::path& dir, std::string_view id) {
  std::filesystem::path path = dir / (std::string(id) + ".yaml");
  std::error_code ec;
  bool a_name = !id.empty() && id.find('/') == std::string_view::npos;
  if (!a_name || !std::filesystem::is_regular_file(path, ec)) {
    PODIUM_ASSIGN(auto ids, ListCompetitions(dir));
    return Fail(ErrorCode::kNotFound, "no competition '" + Printable(id) + "'." + Suggest(id, ids));
  }
  PODIUM_ASSIGN(auto text, ReadFile(path));
  PODIUM_ASSIGN(auto spec, ParseCompetition(text, path.string()));
  if (spec.id != id)
    return Fail(ErrorCode::kConfig, path.string() + ": its id is '" + spec.id + "'");
  return spec;
}

}  // namespace podium::scoring
