#include "agents/models/blocked_time.h"

namespace podium::agents {

void BlockedTime::Change(int waiting, int inside) {
  waiting_ += waiting;
  inside_ += inside;
  bool blocked = waiting_ > 0 && inside_ == 0;
  if (!blocked) now_.reset();
  if (!blocked || now_) return;
  now_.emplace(log_);
  now_->Because("no turn to ask the provider was free");
  now_->Begin();
}

}  // namespace podium::agents
