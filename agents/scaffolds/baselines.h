#pragma once

#include "agents/registry.h"

namespace podium::agents {

// Does nothing: proves that no submission is reported as no submission.
[[nodiscard]] ScaffoldInfo NopScaffold();

// Copies sample_submission.csv inside the sandbox: the floor that every agent should beat.
[[nodiscard]] ScaffoldInfo SampleSubmissionScaffold();

// Hands in the task's own answers: proves that they get the best score.
[[nodiscard]] ScaffoldInfo OracleScaffold();

}  // namespace podium::agents
