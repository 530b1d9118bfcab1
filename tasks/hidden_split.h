#pragma once

#include <cstdint>
#include <filesystem>

#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"
#include "tasks/prepare.h"
#include "tasks/task_package.h"

namespace podium::tasks {

// Held rows as a task of their own: the same metric, and answers that no agent is given.
struct HeldPart {
  TaskPackage task;
  PreparedTask prepared;
  std::size_t rows = 0;
};

// A task whose agent lacks a part of the training table ("hidden consistent evaluation", AIRA2).
// The held rows stand among those of the test table, without what is to be predicted; their order
// and their ids tell nothing. A submission answers both.
struct HiddenSplit {
  PreparedTask agent;  // what the agent has; no answers
  HeldPart search;     // scores that the search goes by
  HeldPart choice;     // scores that make the final choice
  Digest digest;       // of which rows are held, and for what
};

// An error (kConfig) that says what to do, where task.yaml does not say how.
[[nodiscard]] Status CheckSplittable(const TaskPackage& task);

// Makes it beside the prepared task, once a cache; the same rows everywhere. An error (kConfig)
// where task.yaml has no `split`, or its tables do not fit it. Blocks.
[[nodiscard]] Result<HiddenSplit> PrepareHiddenSplit(const TaskPackage& task,
                                                     const PreparedTask& prepared,
                                                     Deadline deadline);

// Takes the answers to held rows out of a submission of the right shape: they go to `search` and
// `choice`, and `file` keeps those of the test, in its own order. Blocks.
[[nodiscard]] Status TakeHeldRows(const HiddenSplit& split, const std::filesystem::path& file,
                                  const std::filesystem::path& search,
                                  const std::filesystem::path& choice);

}  // namespace podium::tasks
