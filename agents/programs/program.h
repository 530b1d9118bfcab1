#pragma once

#include "agents/registry.h"
#include "base/foreign_folder.h"

namespace podium::agents {

// A program of the user's, in MLE-bench's way: the folder is copied to /home/agent and `bash
// /home/agent/start.sh` runs once within the trial's time, with TIME_LIMIT_SECS, STEP_LIMIT and
// PODIUM_SEED in its environment. Whatever lies at the submission's place at the end counts; every
// program.snapshot_every a file of the right shape is kept, for the case that the last one is not.
// A folder whose files are not those that it was configured with any more is an error (kDigest).
[[nodiscard]] ScaffoldInfo ProgramScaffold();

}  // namespace podium::agents
