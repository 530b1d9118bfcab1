#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace podium::records {

// A value that was set, and where.
struct PlanSetting {
  std::string value;
  std::string layer;   // "agent_file", "run_file", "agent_entry", "environment", "flag"
  std::string origin;  // "configs/runs/x.yaml:4", "--jobs"
};
using PlanSettings = std::map<std::string, PlanSetting>;  // those at their default are left out

struct PlanTask {
  std::string id;
  std::string digest;  // of the package, hex
  std::string folder;  // of a package of the user's own; "" where Podium ships it
};

struct PlanAgent {
  std::string id;
  std::string scaffold;
  std::string proposer;  // "" where the scaffold takes none
  std::string files;     // digest of the agent's own files, "" without
  PlanSettings settings;
  std::map<std::string, std::string> cell = {};  // by what it differs from the run's other cells
};

// What every trial of one task and one agent gets.
struct PlanCell {
  std::string task, agent;
  Millis wall{0}, exec{0};
  double cpus = 0;
  std::uint64_t memory_bytes = 0, disk_bytes = 0, inodes = 0, shm_bytes = 0, tmp_bytes = 0;
  std::int64_t pids = 0;
};

struct PlanTrial {
  std::string task, agent;
  std::int64_t seed = 0;

  friend auto operator<=>(const PlanTrial&, const PlanTrial&) = default;
};

// A run's plan.json: all that `podium run` decided before it did anything, so that another process
// or host goes on with the run from its folder alone. Holds no key.
struct RunPlan {
  std::string name, image, sandbox;
  bool allow_unenforced = false;
  PlanSettings settings;  // the run's own
  std::vector<PlanTask> tasks;
  std::vector<PlanAgent> agents;
  std::vector<PlanCell> cells;
  std::vector<PlanTrial> trials;  // in the run's order
};

// "podium-plan/1", for people too.
[[nodiscard]] std::string ToText(const RunPlan& plan);
[[nodiscard]] Result<RunPlan> ParseRunPlan(std::string_view text, std::string_view where);

// The run with everything that either names, the earlier first: a run grows by tasks, agents and
// seeds. Where both name a thing, `now` says what it is.
[[nodiscard]] RunPlan Grown(RunPlan before, const RunPlan& now);

}  // namespace podium::records
