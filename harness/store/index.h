#pragma once

#include <filesystem>

#include "base/result.h"
#include "harness/store/run_folder.h"

namespace podium::harness {

// podium.db, an SQLite index (WAL) of a run: tables trials and nodes, for people's own queries and
// for `podium status` over many runs. Always made from the files and never the other way round.
[[nodiscard]] Status RebuildIndex(const RunView& run);
// Puts one trial's present state into the index.
[[nodiscard]] Status IndexTrial(const std::filesystem::path& run_dir, const TrialView& trial);

}  // namespace podium::harness
