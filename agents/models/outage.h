#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agents/models/event_log.h"
#include "base/clock.h"

namespace podium::agents {

class OutageWait;

// The time in which one trial waited because its provider did not serve it: no working time of the
// trial. Each wait is an event "outage" of the journal, {"waited_ms", "why"}, whose time its reader
// takes off. On the event loop's thread.
class OutageLog {
 public:
  explicit OutageLog(EventLog& events) : events_(events) {}
  OutageLog(const OutageLog&) = delete;
  OutageLog& operator=(const OutageLog&) = delete;

  void Add(Millis waited, std::string_view why);
  // Those that go on included.
  [[nodiscard]] Millis total() const;

 private:
  friend class OutageWait;
  EventLog& events_;
  Millis total_{0};
  std::vector<const OutageWait*> now_;
};

// What one request has waited so far; it enters the log when it is destroyed, a cancellation
// included.
class OutageWait {
 public:
  explicit OutageWait(OutageLog& log) : log_(log) { log_.now_.push_back(this); }
  OutageWait(const OutageWait&) = delete;
  OutageWait& operator=(const OutageWait&) = delete;
  ~OutageWait();

  // From here on it waits; a wait that goes on begins only once.
  void Begin(Deadline::Clock::time_point at = SteadyNow());
  // It is served again.
  void End();
  void Because(std::string why) { why_ = std::move(why); }
  [[nodiscard]] Millis waited() const;

 private:
  OutageLog& log_;
  Deadline::Clock::time_point since_{};
  bool waiting_ = false;
  Millis before_{0};
  std::string why_ = "the provider had no free place";
};

}  // namespace podium::agents
