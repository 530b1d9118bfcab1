#pragma once

#include <string_view>

#include "agents/operators/operator.h"
#include "harness/store/run_folder.h"

namespace podium::harness {

// Who watches a run: a terminal, a pipe. Called on the event loop's thread.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void OnMessage(std::string_view text) = 0;  // preparation, reaping, ...
  virtual void OnTrialPhase(const TrialId& trial, std::string_view phase) = 0;
  virtual void OnNode(const TrialId& trial, const agents::SearchNode& node) = 0;
  virtual void OnTrialEnd(const TrialView& trial) = 0;
  virtual void OnTick() {}  // every second while trials run
};

}  // namespace podium::harness
