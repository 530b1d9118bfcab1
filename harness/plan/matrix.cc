#include "harness/plan/matrix.h"

#include <algorithm>
#include <set>

#include "base/digest.h"
#include "base/ids.h"
#include "base/text.h"
#include "harness/plan/settings.h"

namespace podium::harness {
namespace {

constexpr std::size_t kMostCells = 10'000;
constexpr std::size_t kLongestName = 100;

// Of one scalar or a list of them.
Result<std::vector<std::string>> ValuesOf(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kList) return node.AsStrings();
  PODIUM_ASSIGN(auto one, node.AsString());
  return std::vector<std::string>{one};
}

// "search: {memory: ...}" and "search.memory: ..." are one key.
template <class Take>
Status ForEachKey(const YamlNode& node, const std::string& prefix, const Take& take) {
  if (node.kind != YamlNode::Kind::kMap) return node.Complain("expected a mapping (key: value)");
  for (const auto& [key, value] : node.entries) {
    std::string name = prefix + key;
    if (value.kind == YamlNode::Kind::kMap)
      PODIUM_TRY(ForEachKey(value, name + ".", take));
    else
      PODIUM_TRY(take(name, value));
  }
  return {};
}

// A key that cells may differ by, in its own spelling.
Result<std::string> CheckKey(const std::string& name, const YamlNode& place) {
  std::string key = CanonicalSetting(name);
  auto known = SettingNames();
  if (std::ranges::find(known, key) == known.end())
    return place.Complain("unknown key '" + name + "'." + Suggest(name, known));
  if (key != "agents" && IsWholeRuns(key))
    return place.Complain("'" + name + "' is the whole run's: cells cannot differ by it" +
                          (key == "tasks" || key == "suite" || key == "seeds"
                               ? " (every cell runs on all tasks with all seeds anyway)"
                               : ""));
  return key;
}

// As a name has it: "Qwen/Qwen2.5" is "qwen-qwen2.5".
std::string NameText(const std::string& value) {
  std::string out;
  for (char c : Lower(value)) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    out += plain ? c : '-';
  }
  return out;
}

std::string ShortKey(const std::string& key, const Matrix::Cell& cell) {
  std::string last = key.substr(key.rfind('.') + 1);
  auto same = std::ranges::count_if(
      cell, [&](const CellValue& v) { return v.key.substr(v.key.rfind('.') + 1) == last; });
  return same == 1 ? last : key;
}

const CellValue* Find(const Matrix::Cell& cell, const std::string& key) {
  auto found = std::ranges::find(cell, key, &CellValue::key);
  return found == cell.end() ? nullptr : &*found;
}

// "greedy.model=a.memory=none".
std::string CellName(const Matrix::Cell& cell) {
  std::string agent = Find(cell, "agents")->value;
  if (agent.ends_with(".yaml")) agent = agent.substr(0, agent.size() - 5);
  std::string out = NameText(agent.substr(agent.rfind('/') + 1));
  for (const auto& [key, value, origin] : cell) {
    if (key != "agents") out += "." + NameText(ShortKey(key, cell)) + "=" + NameText(value);
  }
  if (out.size() <= kLongestName) return out;
  return out.substr(0, kLongestName - 5) + "-" + Digest::Of(out).hex().substr(0, 4);
}

bool Excluded(const Matrix::Cell& cell, const Matrix::Cell& exclusion) {
  return std::ranges::all_of(exclusion, [&](const CellValue& wanted) {
    const CellValue* own = Find(cell, wanted.key);
    return own && own->value == wanted.value;
  });
}

Status CheckExclusions(const Matrix& matrix) {
  for (const auto& exclusion : matrix.exclude) {
    for (const auto& [key, value, origin] : exclusion) {
      auto axis = std::ranges::find(matrix.axes, key, &Matrix::Axis::key);
      bool known =
          axis != matrix.axes.end() && std::ranges::find(axis->values, value) != axis->values.end();
      if (known || key == "agents") continue;
      return Fail(ErrorCode::kConfig, origin + ": exclude names " + key + ": " + value +
                                          ", which the matrix does not have");
    }
  }
  return {};
}

// Every combination, the first axis the slowest.
Result<std::vector<Matrix::Cell>> Product(const Matrix& matrix) {
  std::vector<Matrix::Cell> out = {{}};
  for (const auto& axis : matrix.axes) {
    if (axis.values.empty())
      return Fail(ErrorCode::kConfig, axis.origin + ": '" + axis.key + "' has no values");
    if (out.size() * axis.values.size() > kMostCells)
      return Fail(ErrorCode::kConfig, axis.origin + ": the matrix has more than " +
                                          std::to_string(kMostCells) + " cells");
    std::vector<Matrix::Cell> next;
    for (const auto& cell : out) {
      for (const auto& value : axis.values) {
        next.push_back(cell);
        next.back().push_back({axis.key, value, axis.origin});
      }
    }
    out = std::move(next);
  }
  std::erase_if(out, [&](const Matrix::Cell& cell) {
    return std::ranges::any_of(matrix.exclude, [&](const auto& e) { return Excluded(cell, e); });
  });
  return out;
}

// A flag or a variable for all cells would make them all the same.
Status CheckVaried(const Matrix::Cell& cell, const Settings& settings) {
  for (const auto& [key, value, origin] : cell) {
    const Setting& given = settings.Get(key);
    if (key == "agents" || given.layer < Layer::kEnvironment) continue;
    return Fail(ErrorCode::kUsage, given.origin + ": the cells differ by '" + key + "' (" + origin +
                                       "): leave it out here, or out of the matrix");
  }
  return {};
}

}  // namespace

Status ReadMatrixAxes(const YamlNode& node, Matrix& out) {
  return ForEachKey(node, "", [&](const std::string& name, const YamlNode& value) -> Status {
    PODIUM_ASSIGN(auto key, CheckKey(name, value));
    PODIUM_ASSIGN(auto values, ValuesOf(value));
    if (std::ranges::find(out.axes, key, &Matrix::Axis::key) != out.axes.end())
      return value.Complain("'" + name + "' is there twice");
    std::set<std::string> different(values.begin(), values.end());
    if (different.size() < values.size()) return value.Complain("'" + name + "' has a value twice");
    out.axes.push_back({key, std::move(values), value.place()});
    return {};
  });
}

Result<std::vector<Matrix::Cell>> ReadMatrixCells(const YamlNode& list) {
  if (list.kind != YamlNode::Kind::kList) return list.Complain("expected a list of mappings");
  std::vector<Matrix::Cell> out;
  for (const auto& item : list.items) {
    Matrix::Cell cell;
    PODIUM_TRY(ForEachKey(item, "", [&](const std::string& name, const YamlNode& value) -> Status {
      PODIUM_ASSIGN(auto key, CheckKey(name, value));
      PODIUM_ASSIGN(auto text, value.AsString());
      cell.push_back({key, std::move(text), value.place()});
      return {};
    }));
    if (cell.empty()) return item.Complain("a mapping that names nothing");
    out.push_back(std::move(cell));
  }
  return out;
}

Status ExpandMatrix(Settings& settings) {
  Matrix matrix = settings.matrix();
  if (matrix.empty()) {
    if (matrix.exclude.empty()) return {};
    return Fail(ErrorCode::kConfig,
                matrix.exclude.front().front().origin + ": 'exclude' without a 'matrix'");
  }
  auto agents = std::ranges::find(matrix.axes, "agents", &Matrix::Axis::key);
  Matrix::Axis first{"agents", settings.List("agents"), settings.Get("agents").origin};
  if (agents != matrix.axes.end()) {
    if (settings.Get("agents").layer != Layer::kDefault)
      return Fail(ErrorCode::kUsage, first.origin + ": agents are named here and in the matrix (" +
                                         agents->origin + ")");
    first = *agents;
    matrix.axes.erase(agents);
  }
  matrix.axes.insert(matrix.axes.begin(), first);
  PODIUM_TRY(CheckExclusions(matrix));
  PODIUM_ASSIGN(auto cells, Product(matrix));
  for (auto cell : matrix.include) {
    if (!Find(cell, "agents")) {
      if (first.values.size() != 1)
        return Fail(ErrorCode::kConfig,
                    cell.front().origin + ": which agent? 'include' has no 'agents'");
      cell.insert(cell.begin(), {"agents", first.values.front(), first.origin});
    }
    cells.push_back(std::move(cell));
  }
  if (cells.empty()) return Fail(ErrorCode::kConfig, first.origin + ": no cell is left");
  std::map<std::string, AgentEntry> entries;
  std::vector<std::string> names;
  for (const auto& cell : cells) {
    PODIUM_TRY(CheckVaried(cell, settings));
    std::string name = CellName(cell);
    if (entries.contains(name))
      return Fail(ErrorCode::kConfig,
                  cell.back().origin + ": two cells would be called '" + name + "'");
    entries[name] = settings.EntryOf(cell);
    names.push_back(std::move(name));
  }
  settings.UseEntries(names, std::move(entries));
  return {};
}

}  // namespace podium::harness
