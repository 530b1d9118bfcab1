#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "agents/models/wire/usd.h"
#include "base/clock.h"
#include "base/records/run_spending.h"
#include "base/result.h"
#include "harness/plan/plan.h"
#include "harness/store/run_folder.h"

namespace podium::harness {

// Whether a trial may begin, by the run's ceilings.
enum class Admission {
  kYes,    // what it may cost is set aside
  kLater,  // once something that others have set aside comes back
  kNever,  // not even then
};
struct Admitted {
  Admission answer = Admission::kYes;
  std::string why;  // of kLater and kNever: "run.budget.usd: 2.60 of 3 are spent, ..."
};

// What all trials of a run may cost together (run.budget.*), among all processes that work on it. A
// trial begins once the most that it may cost is set aside: its own budget, or where it has none
// the dearest trial of its agent that has ended; until one has, one trial of that agent runs alone.
// What runs is never ended. Calls block for a file and a lock.
class RunBudget {
 public:
  RunBudget(RunCeilings ceilings, std::filesystem::path run_dir, const Clock& clock)
      : ceilings_(ceilings), run_dir_(std::move(run_dir)), clock_(clock) {}

  [[nodiscard]] bool any() const { return ceilings_.any(); }

  // Counts what the run's trials have cost until now; to be called before the first TryReserve.
  [[nodiscard]] Status Begin(const RunPlan& plan);
  [[nodiscard]] Result<Admitted> TryReserve(const TrialPlan& trial);
  // The trial has ended for now and has cost so much in all; what was set aside comes back.
  [[nodiscard]] Status Settle(const TrialPlan& trial, const TrialView& view);

 private:
  using Change = std::function<Status(records::RunSpending&)>;
  [[nodiscard]] Status Locked(const Change& change) const;

  RunCeilings ceilings_;
  std::filesystem::path run_dir_;
  const Clock& clock_;
};

// What a trial has cost in all its attempts.
[[nodiscard]] records::Spending SpendingOf(const TrialPlan& trial, const TrialView& view);

}  // namespace podium::harness
