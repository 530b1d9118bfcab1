#include "agents/gateway/blocked_time.h"

#include "base/json.h"

namespace podium::agents {

void BlockedTime::Change(int waiting, int inside) {
  auto blocked = [this] { return waiting_ > 0 && inside_ == 0; };
  bool before = blocked();
  waiting_ += waiting;
  inside_ += inside;
  if (!before && blocked()) since_ = Deadline::Clock::now();
  if (!before || blocked()) return;
  auto waited = std::chrono::duration_cast<Millis>(Deadline::Clock::now() - since_);
  if (waited <= Millis(0)) return;
  Json body = {{"waited_ms", waited.count()}, {"why", "no turn to ask the provider was free"}};
  log_.Write("outage", DumpJson(body));
}

}  // namespace podium::agents
