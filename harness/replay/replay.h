#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/replay/compare.h"

namespace podium::harness {

struct ReplayResult {
  TrialId trial;
  std::filesystem::path run_dir;
  RecordCheck checked;
  int nodes = 0;      // compared
  int requests = 0;   // of models, answered from the record
  std::string grade;  // of both: "scored", "no_submission", ...
  std::optional<Divergence> divergence;
  std::vector<std::string> notes;  // what is equal or not in another way than it seems
  std::filesystem::path kept;      // the trial as it was done again; empty where it was removed

  [[nodiscard]] bool equal() const { return !divergence; }
};

struct ReplayOptions {
  std::filesystem::path into;  // a folder that does not exist yet
  bool keep = false;           // it, where the trial is equal too
  std::function<void(std::string_view)> progress;
};

// Does a trial again in a fresh sandbox: scaffold and tools run anew, models answer from the
// record, the search's clock says what it said then; no key and no network are needed. Nothing that
// the trial left is read for it but the models' answers, until it is compared. Stops at the first
// difference. An error: the record is not what was written (kDigest), or the trial could not be
// done again for a reason that is the host's.
[[nodiscard]] Result<ReplayResult> ReplayTrial(const FoundTrial& trial,
                                               const ReplayOptions& options);

}  // namespace podium::harness
