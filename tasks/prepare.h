#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"
#include "tasks/task_package.h"

namespace podium::tasks {

// A task's data on this machine, under <cache>/tasks/<id>/<first 16 digits of the digest>/. Files
// are read-only; the answers' folder is its owner's alone.
struct PreparedTask {
  fs::path
      public_dir;  // what an agent sees: description.md, train and test data, sample_submission.csv
  fs::path private_dir;  // answers.csv; never mounted, copied or linked into a sandbox
  fs::path board_file;   // leaderboard.csv, from the package or made by preparation; empty where a
                         // task has only lines
  Digest task_digest;
  std::vector<std::string>
      notes;  // what a user should know, such as a rebuilt package with the same table

  [[nodiscard]] fs::path sample_submission() const { return public_dir / "sample_submission.csv"; }
};

// The prepared data if they are there; empty if they are not. Cheap: looks for the mark that
// preparation writes last.
[[nodiscard]] Result<std::optional<PreparedTask>> FindPrepared(const TaskPackage& task,
                                                               const fs::path& cache);

// Makes the data (generating, or downloading a Debian package and unpacking it) unless they are
// there. Blocking. Several processes may call it at once: one works, the others wait for it until
// the deadline. All or nothing: the folder appears by one rename, after every table has matched its
// pinned digest. `progress` is told what is being done, in words.
[[nodiscard]] Result<PreparedTask> Prepare(const TaskPackage& task, const fs::path& cache,
                                           const std::function<void(std::string_view)>& progress,
                                           Deadline deadline);

// Makes the tables aside and gives their digests, for the author of a task who pins them; keeps
// nothing.
[[nodiscard]] Result<std::map<std::string, Digest>> MeasureTables(
    const TaskPackage& task, const fs::path& cache,
    const std::function<void(std::string_view)>& progress, Deadline deadline);

}  // namespace podium::tasks
