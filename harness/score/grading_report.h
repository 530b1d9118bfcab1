#pragma once

#include <string>

#include "base/clock.h"
#include "harness/store/run_folder.h"

namespace podium::harness {

// mle-bench's grading report of a run's trials, by scoring's writer and so byte for byte in its
// form: its tools read it. Trials without a verdict and those that the grader could not grade are
// left out; a line that a board does not have is NaN, as there.
[[nodiscard]] std::string GradingReportJson(const RunView& run, const Clock& clock);

}  // namespace podium::harness
