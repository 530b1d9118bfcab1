#pragma once

#include <span>

#include "sandbox/escape/cases.h"

// Attempts from behind the grader's seal: the rest of `podium sandbox test`.
namespace podium::harness {

[[nodiscard]] std::span<const sandbox::escape::Case> GraderCases();

// All that the suite tries beside the sandbox's own cases: the services' and the grader's.
[[nodiscard]] std::span<const sandbox::escape::Case> CasesBesideTheSandboxs();

}  // namespace podium::harness
