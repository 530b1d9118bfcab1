#pragma once

#include <string>

#include "sandbox/escape/cases.h"
#include "sandbox/escape/groups.h"

namespace podium::sandbox::escape {

// Runs a shell script in the box. An error of the sandbox itself becomes a result that no case
// takes for an ordinary end.
[[nodiscard]] Task<ExecResult> Shell(Sandbox& box, std::string script,
                                     Millis limit = Millis(20'000));

// Held when `ok`, broken otherwise; the detail is the same.
[[nodiscard]] CaseResult HeldIf(bool ok, std::string detail);

}  // namespace podium::sandbox::escape
