#pragma once

#include "base/async/reactor.h"
#include "base/records/event.h"
#include "base/result.h"

namespace podium::agents {

// Where a trial's events go: durable before they are acted on.
class EventSink {
 public:
  virtual ~EventSink() = default;
  // Blocks until the event is on disk.
  [[nodiscard]] virtual Status Record(records::Event event) = 0;
  // The same without holding up the event loop.
  [[nodiscard]] virtual Task<Status> Append(records::Event event) {
    co_return Record(std::move(event));
  }
};

}  // namespace podium::agents
