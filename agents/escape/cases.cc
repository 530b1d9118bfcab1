#include "agents/escape/cases.h"

#include "base/async/race.h"
#include "sandbox/escape/groups.h"

namespace podium::agents {

using sandbox::escape::CaseResult;

std::span<const sandbox::escape::Case> ServiceCases() {
  static const std::vector<sandbox::escape::Case> all = [] {
    std::vector<sandbox::escape::Case> out = GatewayCases();
    for (auto& c : ValidatorCases()) out.push_back(c);
    for (auto& c : SearchCases()) out.push_back(c);
    return out;
  }();
  return all;
}

Task<CaseResult> Launch(sandbox::Sandbox& box, Attack attack) {
  Deadline control = Deadline::In(std::chrono::seconds(20));
  auto listener = co_await box.Listen(attack.port, control);
  if (!listener) {
    bool cannot = listener.error().code == ErrorCode::kUnavailable;
    co_return cannot ? sandbox::escape::Skipped(listener.error().message)
                     : sandbox::escape::Broken(listener.error().message);
  }
  sandbox::ExecSpec spec;
  spec.argv = {"python3", "-c", attack.program};
  Deadline deadline = Deadline::In(attack.limit);
  auto ended =
      co_await Race(box.Exec(std::move(spec), deadline), attack.serve(std::move(*listener)));
  if (ended.index() != 0) co_return sandbox::escape::Broken("the service ended by itself");
  Result<sandbox::ExecResult> ran = std::get<0>(std::move(ended));
  if (!ran) co_return sandbox::escape::Broken(ran.error().message);
  if (ran->exit_code == 127) co_return sandbox::escape::Skipped("the image has no python3");
  co_return attack.judge(*ran);
}

}  // namespace podium::agents
