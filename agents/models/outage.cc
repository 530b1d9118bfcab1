#include "agents/models/outage.h"

namespace podium::agents {

void OutageLog::Add(Millis waited, std::string_view why) {
  if (waited <= Millis(0)) return;
  total_ += waited;
  events_.Post(records::Outage{waited, std::string(why)});
}

Millis OutageLog::total() const {
  Millis out = total_;
  for (const OutageWait* wait : now_) out += wait->waited();
  return out;
}

OutageWait::~OutageWait() {
  End();
  std::erase(log_.now_, this);
  log_.Add(before_, why_);
}

void OutageWait::Begin(Deadline::Clock::time_point at) {
  if (waiting_) return;
  waiting_ = true;
  since_ = at;
}

void OutageWait::End() {
  before_ = waited();
  waiting_ = false;
}

Millis OutageWait::waited() const {
  if (!waiting_) return before_;
  return before_ + Since(since_);
}

}  // namespace podium::agents
