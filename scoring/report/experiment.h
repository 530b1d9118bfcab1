#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "scoring/report/aggregate.h"
#include "scoring/report/grading_report.h"

namespace podium::scoring {

// The entries of report files, files by path and entries by competition, as mle-bench reads them.
[[nodiscard]] Result<std::vector<CompetitionReport>> ReadReports(
    std::vector<std::filesystem::path> files);

// The same, a group a file: named after its folder and its own name. A file that is named twice is
// refused.
[[nodiscard]] Result<std::vector<SeedGroup>> ReadSeedGroups(
    std::vector<std::filesystem::path> files);

struct ExperimentReports {
  std::vector<std::filesystem::path> files;
  std::vector<std::string> skipped;  // "group-4: no grading report", one a run group
};

// The report of each run group of an experiment: runs/run_group_experiments.csv
// (experiment_id,run_group) and the one *grading_report*.json in each group's folder. Reasons:
// unknown_experiment, two_reports, no_reports, bad_experiment_table.
[[nodiscard]] Result<ExperimentReports> FindExperiment(const std::filesystem::path& runs,
                                                       const std::string& experiment);

}  // namespace podium::scoring
