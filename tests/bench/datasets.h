#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace podium::bench {

// One line of the table: a metric, the competition whose grader computes it, and how many rows.
struct Case {
  std::string metric;
  std::string competition;
  std::vector<std::size_t> rows;
};
[[nodiscard]] std::vector<Case> Cases();

// Paths of what WriteDataset wrote; `task` is what grade-sample is given.
struct Dataset {
  std::filesystem::path submission;
  std::filesystem::path shuffled;  // the submission with its rows in another order
  std::filesystem::path answers;
  std::string task;
};
// Synthetic answers and a half-right submission, the same bytes on every machine. Exits with a
// message where a file cannot be written.
[[nodiscard]] Dataset WriteDataset(const Case& c, std::size_t rows,
                                   const std::filesystem::path& dir);

}  // namespace podium::bench
