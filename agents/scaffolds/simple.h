#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agents/trial_context.h"

namespace podium::agents {

// Does nothing: proves that no submission is reported as no submission.
[[nodiscard]] std::unique_ptr<Scaffold> MakeNop();

// Copies sample_submission.csv inside the sandbox: the floor that every agent should beat.
[[nodiscard]] std::unique_ptr<Scaffold> MakeSampleSubmission();

// A program of the user's, in MLE-bench's way: the folder is copied to /home/agent and `bash
// /home/agent/start.sh` runs once within the trial's time, with TIME_LIMIT_SECS, STEP_LIMIT and
// PODIUM_SEED in its environment. Whatever lies at the submission's place at the end counts; every
// `snapshot_every` a file of the right shape is kept, for the case that the last one is not.
[[nodiscard]] std::unique_ptr<Scaffold> MakeProgram(std::filesystem::path folder,
                                                    Millis snapshot_every);

}  // namespace podium::agents
