#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agents/recorded_run.h"
#include "base/records/run_lock.h"
#include "base/records/run_plan.h"
#include "harness/store/find_trial.h"
#include "harness/store/journal.h"
#include "harness/store/run_folder.h"

namespace podium::harness {

// A trial that has its verdict, as its files tell it.
struct RecordedTrial {
  FoundTrial at;
  TrialView view;
  std::vector<JournalLine> lines;
  records::RunLock lock;
  records::RunPlan plan;  // of this trial alone

  [[nodiscard]] std::filesystem::path record_dir() const { return view.dir / "llm"; }
};

// An error where the trial has no verdict yet, or its run no plan.json.
[[nodiscard]] Result<RecordedTrial> ReadRecordedTrial(const FoundTrial& at);

// What of the record is not as it was written: the journal and the verdict against the run's
// history, the models' answers and the programs against the journal. An error (kDigest) names the
// first. `unchecked` counts answers of before, whose digests nobody kept. Blocks: reads all
// answers.
struct RecordCheck {
  int answers = 0, unchecked = 0;
};
[[nodiscard]] Result<RecordCheck> CheckRecord(const RecordedTrial& trial);

// What its clock said.
[[nodiscard]] agents::RecordedRun TimesOf(const RecordedTrial& trial);

}  // namespace podium::harness
