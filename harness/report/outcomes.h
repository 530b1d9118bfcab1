#pragma once

#include <string>

#include "harness/store/run_folder.h"

namespace podium::harness {

// How the trials of a run, or of one of its agents, ended.
struct OutcomeCounts {
  int planned = 0;
  int scored = 0, agent_failed = 0, task_failed = 0, infrastructure_exhausted = 0;

  // Those that say something of the agent. What is out of them is out of `planned` only where they
  // are all.
  [[nodiscard]] int covered() const { return scored + agent_failed; }
  [[nodiscard]] bool full() const { return covered() == planned; }
  [[nodiscard]] int open() const {
    return planned - covered() - task_failed - infrastructure_exhausted;
  }
  void Add(const TrialView& trial);
  // "12 planned: 9 scored, 1 agent_failed, 0 task_failed, 2 infrastructure_exhausted; coverage
  // 10/12 (83 %)"; trials without an outcome are named where there are any.
  [[nodiscard]] std::string Text() const;
};
[[nodiscard]] OutcomeCounts CountOutcomes(const RunView& run);

// Behind a share of `hits` out of the covered trials, where some are missing: "; 2 of 12 missing:
// 25 to 42 %", the share if none and if all of those had been hits. "" where none is missing.
[[nodiscard]] std::string BoundsText(const OutcomeCounts& counts, int hits);

}  // namespace podium::harness
