#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace podium::harness {

struct ImportResult {
  std::vector<std::string> imported;  // ids
  std::vector<std::string> notes;     // what a user should know, one a competition at most
};

// Makes a task package of every competition of a checkout of openai/mle-bench under `out`: its
// config.yaml and description.md, the grader's specification, its leaderboard.csv or, where that is
// a Git-LFS pointer or a page of twenty rows, the shipped medal lines. `data` is mle-bench's data
// folder and may be empty: then a package can be graded only with answers given by hand. Packages
// that are there are made anew. Nothing of the checkout is executed.
[[nodiscard]] Result<ImportResult> ImportMleBench(
    const std::filesystem::path& checkout, const std::filesystem::path& data,
    const std::filesystem::path& out, const std::function<void(std::string_view)>& progress);

}  // namespace podium::harness
