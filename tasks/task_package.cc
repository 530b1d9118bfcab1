#include "tasks/task_package.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/text.h"
#include "base/yaml.h"
#include "tasks/kinds/kind.h"
#include "tasks/version_history.h"

namespace podium::tasks {
namespace {

Result<std::string> OneOf(YamlMap& map, std::string_view key,
                          const std::vector<std::string>& allowed) {
  PODIUM_ASSIGN(auto value, map.String(key));
  if (std::ranges::find(allowed, value) != allowed.end()) return value;
  return map.Get(key)->Complain("'" + value + "' is not known here." + Suggest(value, allowed) +
                                " Use one of: " + Join(allowed, ", ") + ".");
}

Result<Digest> ReadDigest(const YamlNode& node) {
  PODIUM_ASSIGN(auto text, node.AsString());
  if (text == "unpinned") return Digest();
  auto digest = Digest::Parse(text);
  if (!digest) return node.Complain(digest.error().message);
  return *digest;
}

Status ReadParams(const YamlNode* node, std::map<std::string, std::int64_t>& out) {
  if (!node) return {};
  if (node->kind != YamlNode::Kind::kMap) return node->Complain("expected a mapping (key: value)");
  for (const auto& [key, value] : node->entries) {
    PODIUM_ASSIGN(out[key], value.AsInt());
  }
  return {};
}

Status ReadProvenance(const YamlNode& node, Provenance& out) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  PODIUM_ASSIGN(out.source, map.String("source"));
  PODIUM_ASSIGN(out.license, map.String("license"));
  PODIUM_ASSIGN(out.note, map.StringOr("note", ""));
  return map.Finish();
}

Status ReadLabels(const YamlNode& node, TaskPackage& out) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  PODIUM_ASSIGN(out.category, OneOf(map, "category",
                                    {"tabular", "image", "text", "grid", "time-series", "audio"}));
  PODIUM_ASSIGN(out.difficulty, OneOf(map, "difficulty", {"easy", "medium", "hard"}));
  return map.Finish();
}

// The name of a file beneath some folder, or "".
Result<std::string> NameOr(YamlMap& map, std::string_view key) {
  PODIUM_ASSIGN(auto name, map.StringOr(key, ""));
  if (name.empty() || IsNameBeneath(name)) return name;
  return map.Get(key)->Complain("'" + name + "' must be a relative name without '..'");
}

// The text of a file of the package; a complaint at `node`, which names it.
Result<std::string> ReadNamed(const ForeignFolder& package, const YamlNode& node,
                              const std::string& name, std::uint64_t max_bytes) {
  auto text = package.Read(name, max_bytes);
  if (!text) return node.Complain(text.error().message);
  return text;
}

Result<DataPackage> ReadPackage(const YamlNode& node) {
  DataPackage out;
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  PODIUM_ASSIGN(out.name, map.String("name"));
  if (!IsIdText(out.name))
    return node.Complain("'" + out.name + "' is not the name of a Debian package");
  PODIUM_ASSIGN(out.version, map.String("version"));
  PODIUM_ASSIGN(const YamlNode* sha256, map.Require("sha256"));
  PODIUM_ASSIGN(out.sha256, ReadDigest(*sha256));
  if (out.sha256 == Digest())
    return sha256->Complain("a package must be pinned by the sha256 of its .deb");
  PODIUM_TRY(map.Finish());
  return out;
}

Status ReadPrepare(const YamlNode& node, PrepareSpec& out) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  PODIUM_ASSIGN(out.builtin, map.String("builtin"));
  PODIUM_TRY(ReadParams(map.Get("params"), out.params));
  PODIUM_ASSIGN(out.answers, NameOr(map, "answers"));
  PODIUM_ASSIGN(out.sample, NameOr(map, "sample"));
  if (const YamlNode* packages = map.Get("packages")) {
    if (packages->kind != YamlNode::Kind::kList) return packages->Complain("expected a list");
    for (const YamlNode& item : packages->items) {
      PODIUM_ASSIGN(auto package, ReadPackage(item));
      out.packages.push_back(std::move(package));
    }
  }
  return map.Finish();
}

Status ReadTables(const YamlNode& node, std::map<std::string, Digest>& out) {
  if (node.kind != YamlNode::Kind::kMap) return node.Complain("expected a mapping (file: sha256)");
  for (const auto& [path, value] : node.entries) {
    bool known_root =
        path.starts_with("public/") || path.starts_with("private/") || path.starts_with("board/");
    if (!known_root || !IsNameBeneath(path)) {
      return value.Complain("'" + path + "' must begin with public/, private/ or board/");
    }
    PODIUM_ASSIGN(out[path], ReadDigest(value));
  }
  if (out.empty()) return {};  // a new package: Prepare asks for `podium tasks pin`
  if (!out.contains("private/answers.csv"))
    return node.Complain("private/answers.csv is missing from the pinned tables");
  if (!out.contains("public/sample_submission.csv"))
    return node.Complain("public/sample_submission.csv is missing from the pinned tables");
  return {};
}

Status ReadRuntime(const YamlNode& node, RuntimeSpec& out) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  PODIUM_ASSIGN(out.cpus, map.DoubleOr("cpus", 1));
  if (!(out.cpus > 0)) return node.Complain("cpus must be above 0");
  PODIUM_ASSIGN(const YamlNode* memory, map.Require("memory"));
  PODIUM_ASSIGN(out.memory_bytes, memory->AsBytes());
  PODIUM_ASSIGN(const YamlNode* disk, map.Require("disk"));
  PODIUM_ASSIGN(out.disk_bytes, disk->AsBytes());
  return map.Finish();
}

Status ReadBudget(const YamlNode& node, std::chrono::milliseconds& wall) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  PODIUM_ASSIGN(const YamlNode* value, map.Require("wall"));
  PODIUM_ASSIGN(auto ms, value->AsMillis());
  wall = std::chrono::milliseconds(ms);
  return map.Finish();
}

// "start_0..624" stands for the 625 columns start_0 to start_624.
Status AddColumns(const YamlNode& node, const std::string& name, const ColumnRule& rule,
                  std::vector<ColumnRule>& out) {
  auto dots = name.find("..");
  ColumnRule column = rule;
  if (dots == std::string::npos) {
    column.name = name;
    out.push_back(std::move(column));
    return {};
  }
  std::size_t digits = dots;
  while (digits > 0 && name[digits - 1] >= '0' && name[digits - 1] <= '9') --digits;
  int first = -1;
  int last = -1;
  std::from_chars(name.data() + digits, name.data() + dots, first);
  std::from_chars(name.data() + dots + 2, name.data() + name.size(), last);
  if (first < 0 || last < first || last - first >= 100'000) {
    return node.Complain("'" + name + "' is not a range of columns such as 'start_0..624'");
  }
  for (int i = first; i <= last; ++i) {
    column.name = name.substr(0, digits) + std::to_string(i);
    out.push_back(column);
  }
  return {};
}

Status ReadColumn(const YamlNode& node, std::vector<ColumnRule>& out) {
  ColumnRule rule;
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  PODIUM_ASSIGN(auto name, map.String("name"));
  PODIUM_ASSIGN(auto kind, OneOf(map, "kind", {"number", "integer", "probability"}));
  rule.integer = kind == "integer";
  if (kind == "probability") {
    rule.min = 0;
    rule.max = 1;
  } else {
    PODIUM_ASSIGN(rule.min, map.DoubleOr("min", rule.min));
    PODIUM_ASSIGN(rule.max, map.DoubleOr("max", rule.max));
  }
  if (rule.min > rule.max) return node.Complain("min is above max");
  PODIUM_TRY(map.Finish());
  return AddColumns(node, name, rule, out);
}

Status ReadSubmissionSpec(const YamlNode& node, SubmissionSpec& out) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  PODIUM_ASSIGN(out.path, map.String("path"));
  if (out.path.find('/') != std::string::npos || out.path.starts_with('.')) {
    return map.Get("path")->Complain("'" + out.path + "' must be a plain file name");
  }
  // A competition's specification knows the columns.
  if (!map.Get("id") && !map.Get("columns")) return map.Finish();
  PODIUM_ASSIGN(out.rules.id_column, map.String("id"));
  PODIUM_ASSIGN(const YamlNode* columns, map.Require("columns"));
  if (columns->kind != YamlNode::Kind::kList || columns->items.empty())
    return columns->Complain("expected a list of columns");
  for (const YamlNode& item : columns->items) PODIUM_TRY(ReadColumn(item, out.rules.columns));
  return map.Finish();
}

Status ReadGrader(const YamlNode& node, const ForeignFolder& package, GraderSpec& out) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  if (map.Get("competition")) {
    PODIUM_ASSIGN(auto file, map.String("competition"));
    PODIUM_ASSIGN(out.mode, OneOf(map, "mode", {"compat", "strict"}));
    PODIUM_ASSIGN(out.competition, ReadNamed(package, *map.Get("competition"), file, 1 << 20));
  }
  PODIUM_ASSIGN(out.metric, map.String("metric"));
  PODIUM_ASSIGN(auto direction, OneOf(map, "direction", {"higher", "lower"}));
  out.lower_is_better = direction == "lower";
  PODIUM_TRY(ReadParams(map.Get("params"), out.params));
  return map.Finish();
}

Status ReadLines(const YamlNode& node, LeaderboardSpec& out) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  MedalLines lines;
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  PODIUM_ASSIGN(lines.gold, map.DoubleOr("gold", kNone));
  PODIUM_ASSIGN(lines.silver, map.DoubleOr("silver", kNone));
  PODIUM_ASSIGN(lines.bronze, map.DoubleOr("bronze", kNone));
  PODIUM_ASSIGN(lines.median, map.DoubleOr("median", kNone));
  PODIUM_ASSIGN(lines.rows, map.IntOr("rows", 0));
  if (std::isnan(lines.gold + lines.silver + lines.bronze + lines.median))
    return node.Complain("gold, silver, bronze and median are needed");
  out.lines = lines;
  return map.Finish();
}

// The board that task.yaml names: in the package, or made by preparation under this name.
Status ReadBoardFile(YamlMap& map, const ForeignFolder& package, LeaderboardSpec& out) {
  PODIUM_ASSIGN(out.file, NameOr(map, "file"));
  if (out.file.empty() || out.prepared) return {};
  auto there = package.Has(out.file);
  if (!there) return map.Get("file")->Complain(there.error().message);
  if (*there) return {};
  return map.Get("file")->Complain("there is no file '" + out.file + "' in the package");
}

Status ReadLeaderboard(const YamlNode& node, const ForeignFolder& package, LeaderboardSpec& out) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  if (const YamlNode* lines = map.Get("lines")) {
    PODIUM_TRY(ReadLines(*lines, out));
  } else {
    PODIUM_TRY(map.Require("file"));
    PODIUM_ASSIGN(auto origin, OneOf(map, "origin", {"package", "prepared"}));
    out.prepared = origin == "prepared";
  }
  PODIUM_ASSIGN(out.header, map.String("header"));
  PODIUM_ASSIGN(out.note, map.StringOr("note", ""));
  PODIUM_TRY(ReadBoardFile(map, package, out));
  return map.Finish();
}

Status ReadShares(const YamlNode* node, std::map<std::string, double>& out) {
  if (!node) return {};
  if (node->kind != YamlNode::Kind::kMap) return node->Complain("expected a mapping (key: value)");
  for (const auto& [key, value] : node->entries) {
    auto share = value.AsDouble();
    if (!share || *share <= 0) return value.Complain("a share of the rows is a number above 0");
    out[key] = *share;
  }
  return {};
}

Status ReadSplit(const YamlNode& node, const TaskPackage& task, SplitSpec& out) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  PODIUM_ASSIGN(out.table, map.String("table"));
  PODIUM_ASSIGN(out.test, map.StringOr("test", out.test));
  PODIUM_ASSIGN(out.id, map.StringOr("id", task.submission.rules.id_column));
  PODIUM_ASSIGN(out.target, map.StringOr("target", ""));
  PODIUM_ASSIGN(out.fraction, map.DoubleOr("fraction", out.fraction));
  PODIUM_ASSIGN(out.group, map.StringOr("group", ""));
  PODIUM_ASSIGN(out.time, map.StringOr("time", ""));
  PODIUM_TRY(ReadShares(map.Get("params_per_row"), out.params_per_row));
  PODIUM_TRY(map.Finish());
  if (out.fraction <= 0 || out.fraction >= 1)
    return node.Complain("fraction is above 0 and below 1");
  if (!out.group.empty() && !out.time.empty())
    return node.Complain("rows are split by group or by time, not by both");
  for (const auto& [name, share] : out.params_per_row) {
    if (!task.grader.params.contains(name))
      return node.Complain("params_per_row: the grader has no parameter '" + name + "'");
  }
  for (const std::string& file : {out.table, out.test}) {
    if (!task.tables.contains("public/" + file))
      return node.Complain("'tables' lists no public/" + file);
  }
  return {};
}

// "description.md", or {default: description.md, variants: {NAME: FILE}}.
Status ReadInstruction(const YamlNode& node, const ForeignFolder& package, TaskPackage& out) {
  if (node.kind != YamlNode::Kind::kMap) {
    PODIUM_ASSIGN(auto name, node.AsString());
    PODIUM_ASSIGN(out.description, ReadNamed(package, node, name, 1 << 20));
    return {};
  }
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  PODIUM_ASSIGN(auto name, map.String("default"));
  PODIUM_ASSIGN(out.description, ReadNamed(package, *map.Get("default"), name, 1 << 20));
  if (const YamlNode* variants = map.Get("variants")) {
    if (variants->kind != YamlNode::Kind::kMap)
      return variants->Complain("expected names with a file each");
    for (const auto& [variant, file] : variants->entries) {
      if (!IsIdText(variant) || variant == "default")
        return file.Complain("'" + Printable(variant) + "' cannot name a variant");
      PODIUM_ASSIGN(auto named, file.AsString());
      PODIUM_ASSIGN(out.variants[variant], ReadNamed(package, file, named, 1 << 20));
    }
  }
  return map.Finish();
}

Status ReadHead(YamlMap& map, const ForeignFolder& package, TaskPackage& out) {
  PODIUM_ASSIGN(auto schema, OneOf(map, "schema", {"podium-task/1"}));
  PODIUM_ASSIGN(auto id, map.String("id"));
  auto parsed = TaskId::Parse(id);
  if (!parsed) return map.Get("id")->Complain(parsed.error().message);
  out.id = *parsed;
  PODIUM_ASSIGN(out.title, map.String("title"));
  if (const YamlNode* kind = map.Get("kind")) {
    PODIUM_ASSIGN(out.kind, kind->AsString());
    if (!FindKind(out.kind))
      return kind->Complain("there is no kind of task '" + Printable(out.kind) + "'." +
                            Suggest(out.kind, KindNames()) + " Kinds: " + Join(KindNames(), ", "));
  }
  PODIUM_ASSIGN(const YamlNode* instruction, map.Require("instruction"));
  PODIUM_TRY(ReadInstruction(*instruction, package, out));
  const YamlNode* expert = map.Get("expert");
  if (!expert) return {};
  PODIUM_ASSIGN(auto name, expert->AsString());
  PODIUM_ASSIGN(out.expert, ReadNamed(package, *expert, name, 1 << 20));
  return {};
}

// Calls `read` with the required block `key`, in the order of the schema.
template <class Read>
Status Block(YamlMap& map, std::string_view key, Read read) {
  PODIUM_ASSIGN(const YamlNode* node, map.Require(key));
  return read(*node);
}

Status ReadBlocks(YamlMap& map, const ForeignFolder& package, TaskPackage& out) {
  PODIUM_TRY(Block(map, "provenance",
                   [&](const YamlNode& n) { return ReadProvenance(n, out.provenance); }));
  PODIUM_TRY(Block(map, "labels", [&](const YamlNode& n) { return ReadLabels(n, out); }));
  PODIUM_TRY(Block(map, "prepare", [&](const YamlNode& n) { return ReadPrepare(n, out.prepare); }));
  PODIUM_TRY(Block(map, "tables", [&](const YamlNode& n) { return ReadTables(n, out.tables); }));
  PODIUM_TRY(Block(map, "runtime", [&](const YamlNode& n) { return ReadRuntime(n, out.runtime); }));
  PODIUM_TRY(
      Block(map, "budget", [&](const YamlNode& n) { return ReadBudget(n, out.budget_wall); }));
  PODIUM_TRY(Block(map, "submission",
                   [&](const YamlNode& n) { return ReadSubmissionSpec(n, out.submission); }));
  PODIUM_TRY(
      Block(map, "grader", [&](const YamlNode& n) { return ReadGrader(n, package, out.grader); }));
  if (const YamlNode* split = map.Get("split"))
    PODIUM_TRY(ReadSplit(*split, out, out.split.emplace()));
  return Block(map, "leaderboard",
               [&](const YamlNode& n) { return ReadLeaderboard(n, package, out.leaderboard); });
}

}  // namespace

fs::path PackagesDir() { return ShareDir() / "tasks" / "packages"; }

Result<TaskPackage> LoadTask(const fs::path& dir) {
  TaskPackage task;
  task.dir = dir;
  PODIUM_ASSIGN(auto package, ForeignFolder::Open(dir));
  PODIUM_ASSIGN(auto text, package.Read("task.yaml", 16 << 20));
  PODIUM_ASSIGN(auto root, ParseYaml(text, (dir / "task.yaml").string()));
  PODIUM_ASSIGN(auto map, YamlMap::From(root));
  PODIUM_TRY(ReadHead(map, package, task));
  PODIUM_TRY(ReadBlocks(map, package, task));
  PODIUM_TRY(map.Finish());
  PODIUM_TRY(KindOf(task).Check(task));
  PODIUM_TRY(RefuseVersionHistory(package));
  PODIUM_ASSIGN(task.digest, package.DigestOfFiles());
  return task;
}

Result<TaskPackage> FindTask(std::string_view id_or_dir) {
  if (id_or_dir.find('/') != std::string_view::npos) {
    fs::path dir(id_or_dir);
    std::error_code ec;
    if (fs::exists(dir / "task.yaml", ec)) return LoadTask(dir);
    return Fail(ErrorCode::kNotFound, "there is no task package in " + dir.string() +
                                          " (a folder with a task.yaml; README.md shows one)");
  }
  std::vector<std::string> names;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(PackagesDir(), ec)) {
    if (entry.is_directory()) names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  if (std::ranges::find(names, id_or_dir) != names.end())
    return LoadTask(PackagesDir() / id_or_dir);
  return Fail(ErrorCode::kNotFound, "no task '" + Printable(id_or_dir) + "'." +
                                        Suggest(id_or_dir, names) + " Tasks: " + Join(names, ", ") +
                                        ". A task of your own is named by its folder, with a '/'.");
}

Result<std::vector<TaskPackage>> ListTasks() {
  std::vector<TaskPackage> tasks;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(PackagesDir(), ec)) {
    if (!entry.is_directory()) continue;
    PODIUM_ASSIGN(auto task, LoadTask(entry.path()));
    tasks.push_back(std::move(task));
  }
  if (ec)
    return Fail(ErrorCode::kIo, "cannot list " + PackagesDir().string() + ": " + ec.message());
  std::ranges::sort(tasks, {}, &TaskPackage::id);
  return tasks;
}

}  // namespace podium::tasks
