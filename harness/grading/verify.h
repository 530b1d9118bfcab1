#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "harness/store/run_folder.h"
#include "tasks/task_package.h"

namespace podium::harness {

// What `podium verify` found of one trial. A problem means that its result cannot be trusted as it
// stands; a flag is something true that a reader of the result must know.
struct TrialCheck {
  TrialId id;
  std::string state;    // as TrialView::state
  std::string verdict;  // as VerdictView::verdict; "" without one
  std::optional<double> score;
  bool regraded = false;  // graded anew from the stored submission, with the same record
  int attempts = 0;       // by the run's history
  int gradings = 0;
  std::vector<std::string> problems;
  std::vector<std::string> flags;  // "oracle_selected: ...", "knows_answers: ...", ...
};

struct Verification {
  std::string run;
  std::vector<TrialCheck> trials;
  std::vector<std::string> problems;  // of the run as a whole
  std::vector<std::string> flags;
  [[nodiscard]] bool ok() const;  // no problem anywhere
};

// Recomputes what a run claims: the history's chain, each journal up to the seal, the digests of
// verdicts and submissions, the tasks' digests, and every verdict by grading the stored submission
// again. `packages`: folders of tasks that are neither shipped nor where run.yaml says. An error
// means that the run could not be read at all. Blocking.
[[nodiscard]] Result<Verification> VerifyRun(const std::filesystem::path& run_dir,
                                             const std::vector<std::string>& packages,
                                             const std::function<void(std::string_view)>& progress,
                                             const Clock& clock);

}  // namespace podium::harness
