#pragma once

#include <filesystem>

#include "harness/replay/recorded_trial.h"

namespace podium::harness {

// Begins the trial in `trial_dir` (new) with the first `from.step` nodes of `parent`, their
// programs and the submissions that were kept of them, as if an earlier attempt had come so far. A
// trial that has begun with the same is left as it is; any other there is an error.
[[nodiscard]] Status BeginWithNodesOf(const RecordedTrial& parent, const records::Forked& from,
                                      const std::filesystem::path& trial_dir);

}  // namespace podium::harness
