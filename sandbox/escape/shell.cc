#include "sandbox/escape/shell.h"

namespace podium::sandbox::escape {

Task<ExecResult> Shell(Sandbox& box, std::string script, Millis limit) {
  ExecSpec spec;
  spec.argv = {"sh", "-c", std::move(script)};
  Deadline deadline = Deadline::In(limit);
  auto result = co_await box.Exec(std::move(spec), deadline);
  if (result) co_return std::move(*result);
  ExecResult broken;
  broken.end = ExecEnd::kSignalled;
  broken.output = "sandbox: " + result.error().message;
  co_return broken;
}

CaseResult HeldIf(bool ok, std::string detail) {
  return {ok ? Outcome::kHeld : Outcome::kBroken, std::move(detail)};
}

}  // namespace podium::sandbox::escape
