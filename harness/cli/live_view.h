#pragma once

#include <memory>

#include "harness/trial/observer.h"

namespace podium::harness {

// Shows a run while it works. On a terminal a block of lines, one a working trial, is drawn over
// itself; in a pipe each event is a plain line. `to_stderr`: standard output is kept for --json.
[[nodiscard]] std::unique_ptr<RunObserver> MakeLiveView(std::size_t trials, bool to_stderr);

}  // namespace podium::harness
