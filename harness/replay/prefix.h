#pragma once

#include <filesystem>

#include "harness/replay/recorded_trial.h"

namespace podium::harness {

// Begins the trial in `trial_dir` (new) with the first `from.step` nodes of `parent`, their
// programs and the submissions that were kept of them, or its first steps with the answers that
// they follow from, and the layers of /home that are kept of them, as if an earlier attempt had
// come so far. A trial that has begun with the same is left as it is; any other there is an error,
// and so is a layer or an answer that is not what was kept (kDigest).
[[nodiscard]] Status BeginWithNodesOf(const RecordedTrial& parent, const records::Forked& from,
                                      const std::filesystem::path& trial_dir);

// Those of the parent's layers from which its workspace after so many nodes or steps can be had.
// One whose file was removed is none.
[[nodiscard]] std::vector<records::Layer> LayersFor(const RecordedTrial& parent, int steps);

}  // namespace podium::harness
