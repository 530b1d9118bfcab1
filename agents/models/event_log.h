#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "agents/trial_context.h"
#include "base/async/reactor.h"
#include "base/result.h"

namespace podium::agents {

// The events that a trial's models cause, in the order in which they happened, and the first
// failure to write one. On the event loop's thread, which waits for no disk: Post queues, and a
// writer of its own empties the queue. What is left in it at destruction is written then.
class EventLog {
 public:
  EventLog(Reactor& reactor, EventSink& events);
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // Durable when it returns, and so is all that was posted before.
  [[nodiscard]] Task<void> Append(records::Event event);
  void Post(records::Event event);
  // Waits until all that was posted is written.
  [[nodiscard]] Task<Status> Flush();

  // An agent can cause flags at will, so of each code only the first twenty and then the 100th,
  // 1,000th, ... are posted, each with how many there were.
  void Flag(const std::string& code, const std::string& detail);
  [[nodiscard]] std::int64_t CountOf(const std::string& code) const;

  void Failed(const Error& error);
  [[nodiscard]] const Status& status() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::map<std::string, std::int64_t> counts_;
};

}  // namespace podium::agents
