#include "tasks/kinds/kind.h"

#include <algorithm>

#include "tasks/kinds/table.h"

namespace podium::tasks {
namespace {

std::vector<std::unique_ptr<TaskKind>>& Registered() {
  static std::vector<std::unique_ptr<TaskKind>> all = [] {
    std::vector<std::unique_ptr<TaskKind>> out;
    out.push_back(MakeTableKind());
    return out;
  }();
  return all;
}

}  // namespace

const std::vector<std::unique_ptr<TaskKind>>& Kinds() { return Registered(); }

const TaskKind* FindKind(std::string_view name) {
  auto at = std::ranges::find_if(Registered(), [&](const auto& k) { return k->name() == name; });
  return at == Registered().end() ? nullptr : at->get();
}

std::vector<std::string> KindNames() {
  std::vector<std::string> out;
  for (const auto& kind : Registered()) out.emplace_back(kind->name());
  return out;
}

const TaskKind& KindOf(const TaskPackage& task) { return *FindKind(task.kind); }

Status RegisterKind(std::unique_ptr<TaskKind> kind) {
  if (FindKind(kind->name()))
    return Fail(ErrorCode::kInternal,
                "there is a kind of task '" + std::string(kind->name()) + "' already");
  Registered().push_back(std::move(kind));
  return {};
}

}  // namespace podium::tasks
