#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agents/trial_context.h"
#include "base/foreign_folder.h"

namespace podium::agents {

// Does nothing: proves that no submission is reported as no submission.
[[nodiscard]] std::unique_ptr<Scaffold> MakeNop();

// Copies sample_submission.csv inside the sandbox: the floor that every agent should beat.
[[nodiscard]] std::unique_ptr<Scaffold> MakeSampleSubmission();

// How much of an agent's folder is looked at.
inline constexpr ForeignBounds kProgramBounds{.entries = 100'000, .depth = 32};

// A program of the user's, in MLE-bench's way: the folder is copied to /home/agent and `bash
// /home/agent/start.sh` runs once within the trial's time, with TIME_LIMIT_SECS, STEP_LIMIT and
// PODIUM_SEED in its environment. Whatever lies at the submission's place at the end counts; every
// `snapshot_every` a file of the right shape is kept, for the case that the last one is not. A
// folder whose files have not the digest `files` any more is an error (kDigest).
[[nodiscard]] std::unique_ptr<Scaffold> MakeProgram(std::filesystem::path folder, Digest files,
                                                    Millis snapshot_every);

}  // namespace podium::agents
