#pragma once

#include "agents/gateway/flag_log.h"
#include "base/clock.h"

namespace podium::agents {

// The time in which a trial stands still for others: some of its calls wait for their turn to ask
// and none has one. No working time of the trial: each stretch is an event "outage" of the journal.
// On the event loop's thread.
class BlockedTime {
 public:
  explicit BlockedTime(FlagLog& log) : log_(log) {}

  // A call begins to wait, got its turn or gave up, gave its turn back.
  void Wait() { Change(1, 0); }
  void Enter() { Change(-1, 1); }
  void GiveUp() { Change(-1, 0); }
  void Leave() { Change(0, -1); }

 private:
  void Change(int waiting, int inside);

  FlagLog& log_;
  int waiting_ = 0;
  int inside_ = 0;
  Deadline::Clock::time_point since_{};
};

}  // namespace podium::agents
