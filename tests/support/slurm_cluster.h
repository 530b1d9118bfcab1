#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace podium::tests {

// A Slurm of its own on this host: munge, a controller and several nodes with two cores each, in
// one temporary folder and on ports that were free. All of it ends with the object.
class SlurmCluster {
 public:
  // kUnavailable where Slurm is not installed or does not come up within a minute.
  [[nodiscard]] static Result<std::unique_ptr<SlurmCluster>> Start(int nodes);
  ~SlurmCluster();
  SlurmCluster(const SlurmCluster&) = delete;
  SlurmCluster& operator=(const SlurmCluster&) = delete;

  // For whoever talks to it: SLURM_CONF.
  [[nodiscard]] std::map<std::string, std::string> Environment() const;
  // What a command of Slurm prints, such as {"squeue", "-h"}; "" where it fails.
  [[nodiscard]] std::string Run(std::vector<std::string> command) const;

  // The node is gone at once, with all that its jobs run.
  void LoseNode(int node);
  // Ids of the jobs that run on it.
  [[nodiscard]] std::vector<std::string> JobsOn(int node) const;

 private:
  explicit SlurmCluster(TempDir dir) : dir_(std::move(dir)) {}
  [[nodiscard]] Status WriteConfiguration(int nodes) const;
  [[nodiscard]] Result<pid_t> Spawn(std::vector<std::string> command) const;
  [[nodiscard]] Status StartAll(int nodes);

  TempDir dir_;
  pid_t munge_ = -1, controller_ = -1;
  std::vector<pid_t> nodes_;
};

}  // namespace podium::tests
