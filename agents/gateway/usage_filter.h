#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "agents/models/wire/event_stream.h"
#include "agents/models/wire/wire_format.h"

namespace podium::agents {

// Takes the events out of a stream that are there for their usage alone: the gateway asked for
// them, and a client that did not does not expect them (a chunk without choices).
class UsageFilter {
 public:
  explicit UsageFilter(const WireFormat& format) : format_(format) {}

  // What can be handed on of all that came so far: whole events.
  [[nodiscard]] std::string Add(std::string_view bytes);
  // What is left at the stream's end.
  [[nodiscard]] std::string End() { return std::exchange(held_, {}); }

 private:
  [[nodiscard]] bool Hides(const StreamEvent& event) const;
  void EndLine(std::string_view line, std::string& out);
  void TakeLineFeed(std::string& out);

  const WireFormat& format_;
  EventStreamReader reader_;
  std::string held_;           // of the event that is not whole yet
  bool at_line_start_ = true;  // what came so far of this line is nothing
  bool after_cr_ = false;
  bool hidden_ = false;  // the last event
};

}  // namespace podium::agents
