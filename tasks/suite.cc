#include "tasks/suite.h"

#include <algorithm>
#include <filesystem>

#include "base/files.h"
#include "base/text.h"
#include "base/yaml.h"

namespace podium::tasks {
namespace {

std::filesystem::path SuitesDir() { return ShareDir() / "configs" / "suites"; }

Result<std::filesystem::path> SuiteFile(std::string_view name) {
  if (name.find('/') != std::string_view::npos || name.ends_with(".yaml"))
    return std::filesystem::path(name);
  auto path = SuitesDir() / (std::string(name) + ".yaml");
  if (std::filesystem::exists(path)) return path;
  PODIUM_ASSIGN(auto names, ListSuites());
  return Fail(ErrorCode::kNotFound, "no suite '" + std::string(name) + "'." + Suggest(name, names) +
                                        " Suites: " + Join(names, ", ") + ".");
}

Status ReadOrder(const YamlNode& list, std::vector<TaskId>& out) {
  PODIUM_ASSIGN(auto names, list.AsStrings());
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto id = TaskId::Parse(names[i]);
    if (!id) return list.items[i].Complain(id.error().message);
    if (std::ranges::find(out, *id) != out.end())
      return list.items[i].Complain("task '" + names[i] + "' is listed twice");
    out.push_back(std::move(*id));
  }
  if (out.empty()) return list.Complain("a suite needs at least one task");
  return {};
}

}  // namespace

Result<Suite> LoadSuite(std::string_view name_or_path) {
  PODIUM_ASSIGN(auto file, SuiteFile(name_or_path));
  PODIUM_ASSIGN(auto root, ReadYaml(file));
  PODIUM_ASSIGN(auto map, YamlMap::From(root));
  PODIUM_ASSIGN(auto schema, map.String("schema"));
  if (schema != "podium-suite/1")
    return map.Get("schema")->Complain("expected 'podium-suite/1', found '" + schema + "'");
  Suite suite;
  PODIUM_ASSIGN(suite.name, map.String("name"));
  PODIUM_ASSIGN(suite.title, map.StringOr("title", ""));
  PODIUM_ASSIGN(suite.order_seed, map.IntOr("order_seed", 0));
  PODIUM_ASSIGN(const YamlNode* order, map.Require("tasks"));
  PODIUM_TRY(ReadOrder(*order, suite.tasks));
  PODIUM_TRY(map.Finish());
  return suite;
}

Result<std::vector<std::string>> ListSuites() {
  std::vector<std::string> names;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(SuitesDir(), ec)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem());
  }
  if (ec) return Fail(ErrorCode::kIo, "cannot list " + SuitesDir().string() + ": " + ec.message());
  std::ranges::sort(names);
  return names;
}

}  // namespace podium::tasks
