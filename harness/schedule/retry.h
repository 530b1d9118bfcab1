#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/records/outcome.h"
#include "base/result.h"

namespace podium::harness {

// Allows as many attempts again as at first to those of the trials (all of the run where none is
// named) that ended so. Each learns of it in its journal, and the run's history says who and why.
// How many there were. Refused (kUsage) for any outcome but infrastructure_exhausted: the others
// say what an agent or a task did, and a second try would choose among results. Blocks.
[[nodiscard]] Result<int> AllowRetries(const std::filesystem::path& run_dir,
                                       const std::vector<std::string>& trials,
                                       records::Outcome only, const std::string& why);

}  // namespace podium::harness
