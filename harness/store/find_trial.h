#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace podium::harness {

struct FoundTrial {
  std::filesystem::path run_dir;
  TrialId id;
};

// A trial as a user names it: TASK/AGENT/sSEED of the newest run, RUN/TASK/AGENT/sSEED with a run's
// name or folder before it, the trial's own folder, or a run alone where it has one trial. An error
// says which trials there are.
[[nodiscard]] Result<FoundTrial> FindTrial(const std::string& name);

// All trials of a run, as TrialId::str() gives them, in the run's order.
[[nodiscard]] Result<std::vector<std::string>> TrialNames(const std::filesystem::path& run_dir);

}  // namespace podium::harness
