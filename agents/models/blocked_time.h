#pragma once

#include <optional>

#include "agents/models/outage.h"

namespace podium::agents {

// The time in which a trial stands still for others: some of its calls wait for their turn to ask
// and none has one. No working time of the trial, as an outage is none. On the event loop's thread.
class BlockedTime {
 public:
  explicit BlockedTime(OutageLog& log) : log_(log) {}

  // A call begins to wait, got its turn or gave up, gave its turn back.
  void Wait() { Change(1, 0); }
  void Enter() { Change(-1, 1); }
  void GiveUp() { Change(-1, 0); }
  void Leave() { Change(0, -1); }

 private:
  void Change(int waiting, int inside);

  OutageLog& log_;
  int waiting_ = 0;
  int inside_ = 0;
  std::optional<OutageWait> now_;
};

}  // namespace podium::agents
