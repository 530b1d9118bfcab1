#pragma once

#include <functional>
#include <list>
#include <vector>

#include "base/clock.h"
#include "base/records/run_control.h"
#include "harness/plan/plan.h"

namespace podium::harness {

// The trials that wait to begin, in the order in which they do: the higher priority first, then the
// plan's, those that come back after the others. The plans outlive it.
class TrialQueue {
 public:
  TrialQueue(const std::vector<const TrialPlan*>& trials, const records::RunControl& control);

  // What people ask now of the run and its trials: who is held, and who comes first.
  void Follow(const records::RunControl& control);

  // Offers each that may begin now to `start`, while there is room; those that it takes are gone. A
  // trial for which there is no place yet lets others pass, a few times.
  void Begin(const std::function<bool()>& room, const std::function<bool(const TrialPlan&)>& start);

  // One that has ended for now, to begin again not before that. `failed`: infrastructure failed it.
  void PutBack(const TrialPlan& trial, SteadyTime not_before = {}, bool failed = false);

  // Whether one of them may begin at some time without anybody asking for it; with `run_paused` all
  // may that only the run holds.
  [[nodiscard]] bool MayBegin(bool run_paused) const;
  // When the next does that waits for its time; never where none does.
  [[nodiscard]] SteadyTime NextMoment() const;

  [[nodiscard]] std::size_t size() const { return waiting_.size(); }
  [[nodiscard]] int failed() const;  // of them: those that infrastructure failed
  [[nodiscard]] int held() const;    // and those that somebody holds back

 private:
  struct Waiting {
    const TrialPlan* trial;
    SteadyTime not_before{};
    bool failed = false;
    int passed = 0;  // by others
    records::Hold hold = records::Hold::kNone;
    std::int64_t priority = 0;
  };
  void Ask(Waiting& waiting) const;
  void Add(Waiting waiting);

  records::RunControl control_;
  std::list<Waiting> waiting_;
};

}  // namespace podium::harness
