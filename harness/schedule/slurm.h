#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "harness/plan/plan.h"

namespace podium::harness {

// How a run's workers are asked of Slurm (slurm.* of the settings).
struct SlurmPlan {
  int workers = 1;  // jobs of the array
  int jobs = 1;     // trials at once in each
  int cores = 1;    // of each job
  std::uint64_t memory_bytes = 0;
  int gpus = 0;
  std::string time;     // as Slurm takes it ("2-00:00:00"); "": the partition's own
  std::string options;  // further words for #SBATCH, one a line
};
// Errors name the setting's origin.
[[nodiscard]] Result<SlurmPlan> SlurmOf(const RunPlan& plan);

// A batch script that starts `podium worker RUN` in each job of an array. SIGTERM before the time
// limit drains the worker (steps in flight end, the trial goes on elsewhere), and the job is queued
// again. It can be edited and kept: `sbatch FILE` starts more workers of the same run.
[[nodiscard]] std::string SlurmScript(const SlurmPlan& slurm, const std::string& run_name,
                                      const std::filesystem::path& run_dir,
                                      const std::filesystem::path& podium);

// Writes it to RUN/slurm/workers.sh and hands it to sbatch; the job's id. An error (kUnavailable)
// where there is no sbatch, (kUsage) with what Slurm says where it refuses. Blocks.
[[nodiscard]] Result<std::string> SubmitSlurm(const SlurmPlan& slurm, const RunPlan& plan);

}  // namespace podium::harness
