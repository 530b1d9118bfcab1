#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "harness/store/journal.h"
#include "harness/store/run_folder.h"

namespace podium::harness {

// Why a trial stands as it does, for a person: what happened, which limits and outages it met, and
// what to do about it.
struct Why {
  std::string headline;               // "tiny/a/s0: agent_failed, no submission (missing)"
  std::vector<std::string> happened;  // in the order of time, each with its time
  std::vector<std::string> met;       // limits, outages, faults of nodes, refused files
  std::vector<std::string> advice;
};

// `lines`: the trial's journal. `now`: for how long a trial has been silent.
[[nodiscard]] Why ExplainTrial(const TrialView& trial, const std::vector<JournalLine>& lines,
                               WallTime now);

[[nodiscard]] std::string WhyText(const Why& why);
// "podium-why/1".
[[nodiscard]] std::string WhyJson(const Why& why, const TrialView& trial);

}  // namespace podium::harness
