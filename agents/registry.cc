#include "agents/registry.h"

#include <algorithm>

#include "agents/programs/program.h"
#include "agents/react/react.h"
#include "agents/scaffolds/baselines.h"
#include "agents/scaffolds/search_scaffolds.h"

namespace podium::agents {
namespace {

std::vector<ScaffoldInfo>& Registered() {
  static std::vector<ScaffoldInfo> all = [] {
    std::vector<ScaffoldInfo> out;
    out.push_back(GreedyScaffold());
    out.push_back(MctsScaffold());
    out.push_back(EvolutionScaffold());
    out.push_back(ChainScaffold());
    out.push_back(SingleShotScaffold());
    out.push_back(ReactScaffold());
    out.push_back(SampleSubmissionScaffold());
    out.push_back(NopScaffold());
    out.push_back(OracleScaffold());
    out.push_back(ProgramScaffold());
    return out;
  }();
  return all;
}

}  // namespace

const std::vector<ScaffoldInfo>& Scaffolds() { return Registered(); }

const ScaffoldInfo* FindScaffold(std::string_view name) {
  auto at = std::ranges::find(Registered(), name, &ScaffoldInfo::name);
  return at == Registered().end() ? nullptr : &*at;
}

std::vector<std::string> ScaffoldNames() {
  std::vector<std::string> out;
  for (const auto& scaffold : Registered()) out.push_back(scaffold.name);
  return out;
}

Status RegisterScaffold(ScaffoldInfo info) {
  if (FindScaffold(info.name))
    return Fail(ErrorCode::kInternal, "there is a scaffold '" + info.name + "' already");
  Registered().push_back(std::move(info));
  return {};
}

}  // namespace podium::agents
